//! What an SMSC answers: `command_status` (SMPP 3.4, section 5.1.3; 5.0, section 4.7.6), by name and by what to do.

/// No error.
pub(crate) const ROK: u32 = 0x00;
/// Invalid command length.
pub(crate) const RINVCMDLEN: u32 = 0x02;
/// Invalid command id.
pub(crate) const RINVCMDID: u32 = 0x03;
/// Incorrect bind status for the command.
pub(crate) const RINVBNDSTS: u32 = 0x04;
/// Message queue full.
pub(crate) const RMSGQFUL: u32 = 0x14;
/// Throttling error: the ESME has exceeded what it may send.
pub(crate) const RTHROTTLED: u32 = 0x58;
/// The receiver cannot take it just now.
pub(crate) const RX_T_APPN: u32 = 0x64;
/// The receiver rejects this message.
pub(crate) const RX_R_APPN: u32 = 0x66;
/// Error in the optional part of the PDU.
pub(crate) const RINVOPTPARSTREAM: u32 = 0xc0;
/// Unknown error.
pub(crate) const RUNKNOWNERR: u32 = 0xff;

/// What can be done about a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Nothing has to be done.
    Fine,
    /// The SMSC wants less at once.
    TooMuch,
    /// It may pass by itself.
    Passing,
    /// The same again will be answered the same.
    Lasting,
}

use Class::{Fine, Lasting, Passing, TooMuch};

/// Every status of SMPP 3.4, and those of 5.0 that a bind or a submit can be answered with.
const TABLE: &[(u32, &str, Class)] = &[
    (ROK, "ESME_ROK", Fine),
    (0x01, "ESME_RINVMSGLEN", Lasting),
    (RINVCMDLEN, "ESME_RINVCMDLEN", Lasting),
    (RINVCMDID, "ESME_RINVCMDID", Lasting),
    // The SMSC has lost the session: the next one may be in order.
    (RINVBNDSTS, "ESME_RINVBNDSTS", Passing),
    (0x05, "ESME_RALYBND", Passing),
    (0x06, "ESME_RINVPRTFLG", Lasting),
    (0x07, "ESME_RINVREGDLVFLG", Lasting),
    (0x08, "ESME_RSYSERR", Passing),
    (0x0a, "ESME_RINVSRCADR", Lasting),
    (0x0b, "ESME_RINVDSTADR", Lasting),
    (0x0c, "ESME_RINVMSGID", Lasting),
    (0x0d, "ESME_RBINDFAIL", Lasting),
    (0x0e, "ESME_RINVPASWD", Lasting),
    (0x0f, "ESME_RINVSYSID", Lasting),
    (0x11, "ESME_RCANCELFAIL", Lasting),
    (0x13, "ESME_RREPLACEFAIL", Lasting),
    (RMSGQFUL, "ESME_RMSGQFUL", TooMuch),
    (0x15, "ESME_RINVSERTYP", Lasting),
    (0x33, "ESME_RINVNUMDESTS", Lasting),
    (0x34, "ESME_RINVDLNAME", Lasting),
    (0x40, "ESME_RINVDESTFLAG", Lasting),
    (0x42, "ESME_RINVSUBREP", Lasting),
    (0x43, "ESME_RINVESMCLASS", Lasting),
    (0x44, "ESME_RCNTSUBDL", Lasting),
    // "submit_sm failed", and no word why.
    (0x45, "ESME_RSUBMITFAIL", Passing),
    (0x48, "ESME_RINVSRCTON", Lasting),
    (0x49, "ESME_RINVSRCNPI", Lasting),
    (0x50, "ESME_RINVDSTTON", Lasting),
    (0x51, "ESME_RINVDSTNPI", Lasting),
    (0x53, "ESME_RINVSYSTYP", Lasting),
    (0x54, "ESME_RINVREPFLAG", Lasting),
    (0x55, "ESME_RINVNUMMSGS", Lasting),
    (RTHROTTLED, "ESME_RTHROTTLED", TooMuch),
    (0x61, "ESME_RINVSCHED", Lasting),
    (0x62, "ESME_RINVEXPIRY", Lasting),
    (0x63, "ESME_RINVDFTMSGID", Lasting),
    (RX_T_APPN, "ESME_RX_T_APPN", Passing),
    (0x65, "ESME_RX_P_APPN", Lasting),
    (RX_R_APPN, "ESME_RX_R_APPN", Lasting),
    (0x67, "ESME_RQUERYFAIL", Lasting),
    (RINVOPTPARSTREAM, "ESME_RINVOPTPARSTREAM", Lasting),
    (0xc1, "ESME_ROPTPARNOTALLWD", Lasting),
    (0xc2, "ESME_RINVPARLEN", Lasting),
    (0xc3, "ESME_RMISSINGOPTPARAM", Lasting),
    (0xc4, "ESME_RINVOPTPARAMVAL", Lasting),
    (0xfe, "ESME_RDELIVERYFAILURE", Passing),
    (RUNKNOWNERR, "ESME_RUNKNOWNERR", Passing),
    (0x100, "ESME_RSERTYPUNAUTH", Lasting),
    (0x101, "ESME_RPROHIBITED", Lasting),
    (0x102, "ESME_RSERTYPUNAVAIL", Passing),
    (0x103, "ESME_RSERTYPDENIED", Lasting),
    (0x104, "ESME_RINVDCS", Lasting),
    (0x105, "ESME_RINVSRCADDRSUBUNIT", Lasting),
    (0x106, "ESME_RINVDSTADDRSUBUNIT", Lasting),
];

/// The status' name in the specification; its number where it has none there.
pub(crate) fn name(status: u32) -> String {
    let found = TABLE.iter().find(|(code, _, _)| *code == status);
    found.map_or_else(|| format!("{status:#010x}"), |(_, name, _)| (*name).to_owned())
}

/// What to do. A status that the specification does not have is the SMSC's own (0x400 to 0x4FF) or of a later version:
/// it may pass, and the gateway gives up after some tries anyway.
pub(crate) fn class(status: u32) -> Class {
    TABLE.iter().find(|(code, _, _)| *code == status).map_or(Passing, |(_, _, class)| *class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses() {
        let check = |status: u32, named: &str, classed: Class| {
            assert_eq!((name(status).as_str(), class(status)), (named, classed));
        };
        check(0x00, "ESME_ROK", Fine);
        check(0x0b, "ESME_RINVDSTADR", Lasting);
        check(0x0e, "ESME_RINVPASWD", Lasting);
        check(0x14, "ESME_RMSGQFUL", TooMuch);
        check(0x58, "ESME_RTHROTTLED", TooMuch);
        check(0x64, "ESME_RX_T_APPN", Passing);
        check(0x08, "ESME_RSYSERR", Passing);
        check(0x400, "0x00000400", Passing);
        check(u32::MAX, "0xffffffff", Passing);
    }

    #[test]
    fn the_table_is_in_order() {
        assert!(TABLE.is_sorted_by(|a, b| a.0 < b.0));
        // The codec's numbers, so that two lists must agree; version 5.0 has other names for optional parameters.
        for (code, name, _) in TABLE.iter().filter(|(code, _, _)| !(0xc0..=0xc4).contains(code)) {
            let theirs = format!("{:?}", rusmpp_core::CommandStatus::from(*code));
            let ours = name.replace('_', "");
            assert!(theirs.eq_ignore_ascii_case(&ours), "{code:#x}: {theirs} {ours}");
        }
    }
}
