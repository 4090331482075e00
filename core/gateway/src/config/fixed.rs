//! What a program cannot change while it runs.

use super::problem::{Problem, Wrong};
use super::{Config, Gateway};

impl Config {
    /// What `next` says otherwise that holds until the program starts again.
    pub(crate) fn fixed_until_restart(&self, next: &Self) -> Vec<Problem> {
        let Gateway { listen, store, production, log, key, public_url, client_ip_header, .. } = &self.gateway;
        let said = &next.gateway;
        let others = [
            ("gateway.listen", *listen != said.listen),
            ("gateway.store", *store != said.store),
            ("gateway.production", *production != said.production),
            ("gateway.log", *log != said.log),
            ("gateway.key", *key != said.key),
            ("gateway.public_url", *public_url != said.public_url),
            ("gateway.client_ip_header", *client_ip_header != said.client_ip_header),
            ("vault", self.vault != next.vault),
        ];
        let changed = others.into_iter().filter(|(_, is_other)| *is_other);
        let wrong = || Wrong::new("this holds until the program ends", "restart for this, or take the change back");
        changed.map(|(key, _)| next.problem(key, wrong())).collect()
    }

    /// Something that is wrong with what stands at a key.
    pub(crate) fn problem(&self, key: &str, wrong: Wrong) -> Problem {
        Problem {
            file: self.file.display().to_string(),
            line: self.lines.of(key),
            key: key.to_owned(),
            what: wrong.what,
            remedy: wrong.remedy,
        }
    }
}
