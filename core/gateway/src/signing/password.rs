//! The password of a key: from the environment, or from a person at a terminal that does not show it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

/// Where machines write it.
pub const VARIABLE: &str = "SPORTELLO_KEY_PASSWORD";

/// The longest password, in bytes: minisign's own limit.
const LEN_MAX: u64 = 1024;

/// The password of a key that there is.
///
/// # Errors
/// When nobody can be asked.
pub fn existing() -> io::Result<Zeroizing<String>> {
    match given() {
        Some(password) => Ok(password),
        None => Terminal::open()?.ask("Password: "),
    }
}

/// A password for a new key, asked for twice.
///
/// # Errors
/// When nobody can be asked, it is empty, or the second is another one.
pub fn new() -> io::Result<Zeroizing<String>> {
    let password = match given() {
        Some(password) => password,
        None => {
            let terminal = Terminal::open()?;
            let password = terminal.ask("Password: ")?;
            if *terminal.ask("The same again: ")? != *password {
                return Err(io::Error::other("the two passwords differ"));
            }
            password
        }
    };
    if password.is_empty() {
        return Err(io::Error::other("the password is empty; --no-password makes a key without one"));
    }
    Ok(password)
}

fn given() -> Option<Zeroizing<String>> {
    std::env::var(VARIABLE).ok().map(Zeroizing::new)
}

/// The terminal of whoever started the program, wherever its input comes from.
struct Terminal(File);

/// Shows again what is typed, however reading it ended.
struct Shown<'a>(&'a File, Termios);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        // A terminal that is gone shows nothing any more.
        let _ = tcsetattr(self.0, OptionalActions::Now, &self.1);
    }
}

impl Terminal {
    fn open() -> io::Result<Self> {
        let opened = std::fs::OpenOptions::new().read(true).write(true).open("/dev/tty");
        opened.map(Self).map_err(|_| {
            io::Error::other(format!("there is no terminal to ask for its password at; put it into {VARIABLE}"))
        })
    }

    fn ask(&self, question: &str) -> io::Result<Zeroizing<String>> {
        let mut terminal = &self.0;
        let before = tcgetattr(terminal)?;
        let mut unseen = before.clone();
        unseen.local_modes.remove(LocalModes::ECHO);
        // What was typed before the question is no answer to it.
        tcsetattr(terminal, OptionalActions::Flush, &unseen)?;
        let shown = Shown(terminal, before);
        terminal.write_all(question.as_bytes())?;
        let mut line = Zeroizing::new(String::with_capacity(usize::try_from(LEN_MAX).unwrap_or(0)));
        BufReader::new(io::Read::take(terminal, LEN_MAX)).read_line(&mut line)?;
        drop(shown);
        terminal.write_all(b"\n")?;
        let password = line.strip_suffix('\n').ok_or_else(|| io::Error::other("no password was given"))?;
        Ok(Zeroizing::new(password.to_owned()))
    }
}
