//! Writing a pain.002: what became of a payment, in the version that answers its pain.001.

use super::{declines::meaning, ledger::Payment};
use crate::{clock, html::escape};

/// The report on `payment`, whose status is `status`.
pub(crate) fn write(payment: &Payment, status: &str, now_ms: u64) -> String {
    let order = &payment.order;
    let old = order.version == "pain.001.001.03";
    let version = if old { "pain.002.001.03" } else { "pain.002.001.10" };
    // The old version's list of statuses is closed, and ends before ACCC.
    let status = escape(if old && status == "ACCC" { "ACSC" } else { status });
    let reason = payment.reason().map_or(String::new(), |reason| {
        format!(
            "<StsRsnInf><Rsn><Cd>{}</Cd></Rsn><AddtlInf>{}</AddtlInf></StsRsnInf>",
            escape(reason),
            escape(meaning(reason))
        )
    });
    let instruction = order
        .instruction_id
        .as_deref()
        .map_or(String::new(), |id| format!("<OrgnlInstrId>{}</OrgnlInstrId>", escape(id)));
    let short_id: String = payment.id.replace('-', "");
    let reference: String = short_id.chars().take(35).collect();
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{version}"><CstmrPmtStsRpt>
<GrpHdr><MsgId>{reference}</MsgId><CreDtTm>{now}</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>{message}</OrgnlMsgId><OrgnlMsgNmId>{name}</OrgnlMsgNmId><OrgnlNbOfTxs>1</OrgnlNbOfTxs><GrpSts>{status}</GrpSts></OrgnlGrpInfAndSts>
<OrgnlPmtInfAndSts><OrgnlPmtInfId>{information}</OrgnlPmtInfId><PmtInfSts>{status}</PmtInfSts>
<TxInfAndSts>{instruction}<OrgnlEndToEndId>{end_to_end}</OrgnlEndToEndId><TxSts>{status}</TxSts>{reason}<AccptncDtTm>{received}</AccptncDtTm><AcctSvcrRef>{reference}</AcctSvcrRef></TxInfAndSts>
</OrgnlPmtInfAndSts>
</CstmrPmtStsRpt></Document>
"#,
        now = clock::rfc3339(now_ms),
        message = escape(&order.message_id),
        name = escape(&order.version),
        information = escape(&order.payment_information_id),
        end_to_end = escape(&order.end_to_end_id),
        received = clock::rfc3339(payment.received_ms),
    )
}
