//! Walks through an ISO 20022 document that somebody else wrote, and believes nothing of it.
//!
//! No document type, no entity beyond the five of XML, no depth, no second root: what such a document cannot hold is an
//! error, and nothing is ever expanded, so that a small file cannot grow. Elements of another namespace than the root's are
//! none of the message's.

use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;

/// The largest document that is read, in bytes.
pub(crate) const DOCUMENT_LEN_MAX: usize = 8 << 20;
/// More levels than any message of ISO 20022 has.
const DEPTH_MAX: usize = 40;
/// The longest tag, in bytes: those of ISO 20022 have an attribute or two. Reading many would take the square of their
/// number in time.
const TAG_LEN_MAX: usize = 4_096;
const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:";

const NOT_WELL_FORMED: &str = "the document is not well-formed";

/// Why a document was not read to its end: a sentence for a log.
pub(crate) type BadDocument = String;

/// What is met on the way. Paths are local names joined by slashes: `Document/CstmrPmtStsRpt/GrpHdr/MsgId`. A name of another
/// namespace than the root's begins with a question mark.
pub(crate) enum Step<'a> {
    /// An element begins.
    Open(&'a str),
    /// An element ends.
    Close {
        path: &'a str,
        /// The text that stands in it directly, without white space around.
        text: &'a str,
        /// Its attribute `Ccy`.
        currency: Option<&'a str>,
    },
}

/// Walks through `document` and returns the name of its message, as `pain.002.001.10`.
///
/// # Errors
/// When it is no such document, or `visit` says so.
pub(crate) fn walk(
    document: &[u8],
    mut visit: impl FnMut(Step<'_>) -> Result<(), BadDocument>,
) -> Result<String, BadDocument> {
    if document.len() > DOCUMENT_LEN_MAX {
        return Err("the document is larger than any that is expected".to_owned());
    }
    let text = std::str::from_utf8(document).map_err(|_| "the document is not in UTF-8".to_owned())?;
    let mut reader = NsReader::from_str(text.trim_start_matches('\u{feff}'));
    let mut walker = Walker::default();
    loop {
        // The parser's own words would repeat what stands in the document.
        let (namespace, event) = reader.read_resolved_event().map_err(|_| NOT_WELL_FORMED)?;
        match event {
            Event::Start(start) => {
                walker.open(&start, &namespace)?;
                visit(Step::Open(&walker.path))?;
            }
            Event::Empty(start) => {
                walker.open(&start, &namespace)?;
                visit(Step::Open(&walker.path))?;
                walker.close(&mut visit)?;
            }
            Event::End(_) => walker.close(&mut visit)?,
            Event::Text(text) => walker.text(&text.xml10_content())?,
            Event::CData(text) => walker.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => {
                let c = match &*reference {
                    "lt" => '<',
                    "gt" => '>',
                    "amp" => '&',
                    "quot" => '"',
                    "apos" => '\'',
                    _ => reference
                        .resolve_char_ref()
                        .map_err(|_| NOT_WELL_FORMED)?
                        .ok_or("the document uses an entity of its own")?,
                };
                walker.text(c.encode_utf8(&mut [0; 4]))?;
            }
            Event::DocType(_) => return Err("the document has a document type".to_owned()),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => return walker.end(),
        }
    }
}

#[derive(Default)]
struct Walker {
    path: String,
    /// Of each open element: the length of the path before it, its text so far, its currency.
    open: Vec<(usize, String, Option<String>)>,
    message: Option<String>,
}

impl Walker {
    fn open(&mut self, start: &BytesStart<'_>, namespace: &ResolveResult<'_>) -> Result<(), BadDocument> {
        if self.open.len() >= DEPTH_MAX {
            return Err("the document is nested too deeply".to_owned());
        }
        if start.len() > TAG_LEN_MAX {
            return Err("the document has a tag that is longer than any that is expected".to_owned());
        }
        let mut currency = None;
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|_| NOT_WELL_FORMED)?;
            if attribute.key.as_ref() == "Ccy" {
                currency = Some(attribute.value.as_ref().to_owned());
            }
        }
        let message = match namespace {
            ResolveResult::Bound(namespace) => namespace.as_ref().strip_prefix(NAMESPACE),
            _ => None,
        };
        if self.open.is_empty() {
            if self.message.is_some() {
                return Err("the document has two roots".to_owned());
            }
            self.message = Some(message.ok_or("the document is no message of ISO 20022")?.to_owned());
        }
        let before = self.path.len();
        if before > 0 {
            self.path.push('/');
        }
        if message != self.message.as_deref() {
            self.path.push('?');
        }
        self.path.push_str(start.local_name().as_ref());
        self.open.push((before, String::new(), currency));
        Ok(())
    }

    fn text(&mut self, more: &str) -> Result<(), BadDocument> {
        match self.open.last_mut() {
            Some((_, text, _)) => text.push_str(more),
            None if more.trim().is_empty() => {}
            None => return Err("the document has text outside its root".to_owned()),
        }
        Ok(())
    }

    fn close(&mut self, visit: &mut impl FnMut(Step<'_>) -> Result<(), BadDocument>) -> Result<(), BadDocument> {
        let Some((before, text, currency)) = self.open.pop() else {
            return Err("the document closes what it did not open".to_owned());
        };
        visit(Step::Close { path: &self.path, text: text.trim(), currency: currency.as_deref() })?;
        self.path.truncate(before);
        Ok(())
    }

    fn end(self) -> Result<String, BadDocument> {
        if !self.open.is_empty() {
            return Err("the document ends in the middle".to_owned());
        }
        self.message.ok_or_else(|| "the document is empty".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(document: &str) -> Result<(String, Vec<String>), BadDocument> {
        let mut seen = Vec::new();
        let message = walk(document.as_bytes(), |step| {
            if let Step::Close { path, text, currency } = step {
                seen.push(format!("{path}={text}{}", currency.unwrap_or("")));
            }
            Ok(())
        })?;
        Ok((message, seen))
    }

    #[test]
    fn what_is_well_formed_is_walked_through() {
        let (message, seen) = texts(
            "\u{feff}<?xml version=\"1.0\"?><!-- c --><d:Doc xmlns:d=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\">\
             <d:A> x &amp; &#233;<![CDATA[<y>]]> </d:A><d:B Ccy=\"EUR\">1</d:B><d:C/></d:Doc>",
        )
        .unwrap();
        assert_eq!(message, "pain.002.001.10");
        assert_eq!(seen, ["Doc/A=x & é<y>", "Doc/B=1EUR", "Doc/C=", "Doc="]);
        // What is of another namespace has no path that anybody looks for.
        let (_, seen) = texts(
            "<D xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\" xmlns:x=\"urn:evil\"><x:A>1</x:A>\
             <A xmlns=\"urn:evil\"><B>2</B></A><A xmlns=\"\"/></D>",
        )
        .unwrap();
        assert_eq!(seen, ["D/?A=1", "D/?A/?B=2", "D/?A=", "D/?A=", "D="]);
    }

    #[test]
    fn many_attributes_cost_no_time() {
        let attributes: String = (0..100_000).map(|number| format!(" a{number}=\"\"")).collect();
        let document = format!("<D xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\"{attributes}/>");
        // Compared with each other they would take minutes; the test ends.
        assert!(texts(&document).unwrap_err().contains("tag"));
    }

    #[test]
    fn what_is_not_is_an_error() {
        let root = "<D xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\">";
        let check = |document: &str, expected: &str| {
            let error = texts(document).unwrap_err();
            assert!(error.contains(expected), "{document}: {error}");
        };
        check("", "empty");
        check("<html></html>", "no message");
        check("login please", "outside");
        check(&format!("{root}<A>"), "middle");
        check(&format!("{root}<A></B>"), "");
        check(&format!("{root}</D>{root}</D>"), "two roots");
        check(&format!("<!DOCTYPE D [<!ENTITY a \"aaaa\">]>{root}&a;</D>"), "document type");
        check(&format!("{root}&lol;</D>"), "entity");
        check(&format!("{root}{}", "<A>".repeat(100_000)), "deeply");
        check(&format!("{root}<A x=1 x=1/></D>"), "");
        check(&format!("{root}<A {}/></D>", "x".repeat(5_000)), "tag");
        check("<D xmlns=\"urn:evil\" xmlns:p=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\"/>", "no message");
        check("<p:D xmlns:p=\"urn:evil\" xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\"/>", "no message");
        // No errors repeat what stands in the document, which may be a person.
        for secret in ["<A>Anna Rossi</B>", "<Anna_Rossi>", "&#xAnnaRossi;", "<A Anna=Rossi/>"] {
            let error = texts(&format!("{root}{secret}</D>")).unwrap_err();
            assert!(!error.contains("Anna"), "{error}");
        }
        assert!(walk(b"<\xff>", |_| Ok(())).unwrap_err().contains("UTF-8"));
        assert!(walk(&vec![b' '; DOCUMENT_LEN_MAX + 1], |_| Ok(())).is_err());
    }
}
