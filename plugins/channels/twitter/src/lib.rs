//! X (Twitter) as a channel
