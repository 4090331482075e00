//! Apple Pay and Google Pay tokens as a rail.

pub mod apple;
mod card;
pub mod google;
mod signature;

pub use card::{Cryptogram, Eci, Expiry, Pan};
