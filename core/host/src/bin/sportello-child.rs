//! A plugin's own process and nothing else: what the tests of this crate start, which are no gateway.

fn main() {
    sportello_host::main_if_child();
    eprintln!("this is started by the host alone, for a plugin that has a process of its own");
}
