//! The vault, as far as an instance may see it: where its manifest asks for card numbers and the operator grants them.

use bytes::Bytes;
use sportello_sdk::frames::{Named, Reply};
use sportello_sdk::{Failure, VaultFound, VaultPut};

use crate::hostcalls::{check_name, over, read, reply};
use crate::world::World;

/// The largest secret that is kept, in bytes.
pub const VAULTED_LEN_MAX: usize = 64 << 10;

/// What is asked of the vault.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Vaulted {
    Instrument,
    Put,
    Get,
    Remove,
}

/// Answers it.
///
/// # Errors
/// `not_granted` before all else; then those of the services.
pub(crate) async fn answer(
    world: &World,
    parent: u64,
    what: Vaulted,
    frame: &[u8],
    body: Bytes,
) -> Result<Reply, Failure> {
    if !world.sees_pan {
        return Err(not_granted());
    }
    let (services, instance) = (&world.services, &*world.instance);
    let about = world.calls.about(parent).map_err(over)?;
    match what {
        Vaulted::Instrument => {
            let Named { name } = read(frame)?;
            check_name(&name)?;
            let (facts, secret) = services.instrument(instance, about, &name).await?;
            reply(world, &facts, secret)
        }
        Vaulted::Put => {
            let VaultPut { name, until_ms } = read(frame)?;
            check_name(&name)?;
            if body.len() > VAULTED_LEN_MAX {
                let message = format!("a secret has at most {} kB, and this one more", VAULTED_LEN_MAX >> 10);
                return Err(Failure::new(sportello_sdk::Source::Plugin, "too_large", message));
            }
            services.vault_put(instance, &name, until_ms, body).await?;
            reply(world, &(), Bytes::new())
        }
        Vaulted::Get => {
            let Named { name } = read(frame)?;
            check_name(&name)?;
            let found = services.vault_get(instance, about, &name).await?;
            reply(world, &VaultFound { found: found.is_some() }, found.unwrap_or_default())
        }
        Vaulted::Remove => {
            let Named { name } = read(frame)?;
            check_name(&name)?;
            services.vault_remove(instance, &name).await?;
            reply(world, &(), Bytes::new())
        }
    }
}

fn not_granted() -> Failure {
    let message = "card numbers are seen by a plugin whose manifest says `\"pan\": true` and whose grants hold \"pan\"";
    Failure::settings("not_granted", message)
}
