//! `command_status` (SMPP 3.4, section 5.1.3): the values that the SMSC answers, and what it makes of the ESME's.

pub(crate) const OK: u32 = 0x00;
pub(crate) const INVALID_MESSAGE_LENGTH: u32 = 0x01;
pub(crate) const INVALID_COMMAND_LENGTH: u32 = 0x02;
pub(crate) const INVALID_COMMAND: u32 = 0x03;
pub(crate) const INVALID_BIND_STATUS: u32 = 0x04;
pub(crate) const ALREADY_BOUND: u32 = 0x05;
pub(crate) const SYSTEM_ERROR: u32 = 0x08;
pub(crate) const INVALID_SOURCE: u32 = 0x0a;
pub(crate) const INVALID_DESTINATION: u32 = 0x0b;
pub(crate) const BIND_FAILED: u32 = 0x0d;
pub(crate) const INVALID_PASSWORD: u32 = 0x0e;
pub(crate) const INVALID_SYSTEM_ID: u32 = 0x0f;
pub(crate) const QUEUE_FULL: u32 = 0x14;
pub(crate) const INVALID_SERVICE_TYPE: u32 = 0x15;
pub(crate) const INVALID_ESM_CLASS: u32 = 0x43;
pub(crate) const SUBMIT_FAILED: u32 = 0x45;
pub(crate) const INVALID_DESTINATION_TON: u32 = 0x50;
pub(crate) const THROTTLED: u32 = 0x58;
pub(crate) const INVALID_SCHEDULE: u32 = 0x61;
pub(crate) const INVALID_VALIDITY: u32 = 0x62;
pub(crate) const RECEIVER_TEMPORARY: u32 = 0x64;
pub(crate) const OPTIONAL_STREAM: u32 = 0xc0;
pub(crate) const OPTIONAL_NOT_ALLOWED: u32 = 0xc1;
pub(crate) const OPTIONAL_LENGTH: u32 = 0xc2;

/// Whether the message is offered again after this answer to a `deliver_sm`. A throttled receiver is a busy one.
pub(crate) fn is_temporary(status: u32) -> bool {
    matches!(status, SYSTEM_ERROR | QUEUE_FULL | THROTTLED | RECEIVER_TEMPORARY)
}

/// A status as the standard spells it; a number it does not know as a number.
pub(crate) fn name(status: u32) -> String {
    let name = match status {
        OK => "ESME_ROK",
        INVALID_MESSAGE_LENGTH => "ESME_RINVMSGLEN",
        INVALID_COMMAND_LENGTH => "ESME_RINVCMDLEN",
        INVALID_COMMAND => "ESME_RINVCMDID",
        INVALID_BIND_STATUS => "ESME_RINVBNDSTS",
        ALREADY_BOUND => "ESME_RALYBND",
        SYSTEM_ERROR => "ESME_RSYSERR",
        INVALID_SOURCE => "ESME_RINVSRCADR",
        INVALID_DESTINATION => "ESME_RINVDSTADR",
        BIND_FAILED => "ESME_RBINDFAIL",
        INVALID_PASSWORD => "ESME_RINVPASWD",
        INVALID_SYSTEM_ID => "ESME_RINVSYSID",
        QUEUE_FULL => "ESME_RMSGQFUL",
        INVALID_SERVICE_TYPE => "ESME_RINVSERTYP",
        INVALID_ESM_CLASS => "ESME_RINVESMCLASS",
        SUBMIT_FAILED => "ESME_RSUBMITFAIL",
        INVALID_DESTINATION_TON => "ESME_RINVDSTTON",
        THROTTLED => "ESME_RTHROTTLED",
        INVALID_SCHEDULE => "ESME_RINVSCHED",
        INVALID_VALIDITY => "ESME_RINVEXPIRY",
        RECEIVER_TEMPORARY => "ESME_RX_T_APPN",
        0x65 => "ESME_RX_P_APPN",
        0x66 => "ESME_RX_R_APPN",
        OPTIONAL_STREAM => "ESME_RINVOPTPARSTREAM",
        OPTIONAL_NOT_ALLOWED => "ESME_ROPTPARNOTALLWD",
        OPTIONAL_LENGTH => "ESME_RINVPARLEN",
        _ => return format!("0x{status:08x}"),
    };
    name.to_owned()
}
