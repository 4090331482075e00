//! The pages themselves: small, whole in one file, and of use without scripts.

use sportello_sdk::{Order, PageReply};
use url::Url;

use crate::words::Words;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#14213d;--page:#f3f5f9;--paper:#fff;--line:#c9d0dc;--deed:#0b5fff;--on-deed:#fff}\
@media(prefers-color-scheme:dark){:root{--ink:#e8ecf4;--page:#0e1420;--paper:#182031;--line:#3a465e;--deed:#7aa7ff;\
--on-deed:#0b1220}}\
*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif}\
main{max-width:27rem;margin:0 auto;padding:2rem 1rem}h1{font-size:1.35rem;line-height:1.25;margin:0 0 1rem}\
div{background:var(--paper);border:1px solid var(--line);border-radius:.75rem;padding:1.25rem;overflow-wrap:anywhere}\
p{margin:0}button{width:100%;font:inherit;font-weight:600;padding:.75rem;margin-top:1rem;border:0;border-radius:.5rem;\
background:var(--deed);color:var(--on-deed);cursor:pointer}:focus-visible{outline:3px solid var(--deed);\
outline-offset:2px}iframe{width:1px;height:1px;border:0;position:absolute}";

/// Fills in what the issuer wants to know of the browser, and sends it.
const COLLECT: &str = "const f=document.forms[0],s=(n,v)=>{const i=document.createElement('input');i.type='hidden';\
i.name=n;i.value=v;f.append(i)};f.onsubmit=()=>{s('javascript','true');s('java',String(!!(navigator.javaEnabled&&\
navigator.javaEnabled())));s('language',navigator.language);s('color_depth',screen.colorDepth);s('height',screen.height);\
s('width',screen.width);s('tz',new Date().getTimezoneOffset())};";

/// Goes to the issuer's page at once.
const SUBMIT: &str = "document.forms[0].submit();";

/// Lets the issuer's 3DS method run for ten seconds at the most (EMV 3-D Secure 2.2, section 5.8.1). It ends where its frame
/// comes back to us: of a page of another origin a script cannot see where it is.
const METHOD: &str = "const w=document.querySelector('iframe'),go=()=>{clearTimeout(t);document.forms[1].requestSubmit()},\
t=setTimeout(go,10000);w.onload=()=>{try{w.contentWindow.location.origin===location.origin&&go()}catch{}};\
document.forms[0].submit();";

/// The page that a link opens.
pub(crate) fn begin(words: &Words, url: &str, order: &Order) -> PageReply {
    let about = words.about.replace("{amount}", &order.amount.to_string()).replace("{payee}", &order.creditor.name);
    let main = format!(
        "<p>{}</p>{}<script>{COLLECT}</script>",
        escaped(&about),
        form(&format!("{url}/start"), &[], words.begin)
    );
    page(words, &main, 200)
}

/// The issuer's 3DS method in a frame that nobody sees, and the form that goes on after it.
pub(crate) fn method(words: &Words, url: &str, at: &Url, data: &str) -> PageReply {
    let main = format!(
        "<p role=status>{wait}</p><form method=post target=method action=\"{at}\">\
         <input type=hidden name=threeDSMethodData value=\"{data}\"></form>{form}\
         <iframe name=method title=\"3-D Secure\" aria-hidden=true></iframe><script>{collect}{METHOD}</script>",
        wait = words.wait,
        at = escaped(at.as_str()),
        data = escaped(data),
        form = form(&format!("{url}/go"), &[], words.go_on),
        collect = COLLECT.replacen("forms[0]", "forms[1]", 1),
    );
    let mut reply = page(words, &main, 200);
    // The issuer's page in the frame goes on to ours, which a browser would not even ask for were it not listed.
    reply.head.frames = std::iter::once(origin(at)).chain(Url::parse(url).ok().as_ref().map(origin)).collect();
    reply.head.forms.push(origin(at));
    reply
}

/// The way to the issuer's page.
pub(crate) fn challenge(words: &Words, at: &Url, creq: &str, session: &str) -> PageReply {
    let fields = [("creq", creq), ("threeDSSessionData", session)];
    let main = format!(
        "<p role=status>{}</p>{}<script>{SUBMIT}</script>",
        words.wait,
        form(at.as_str(), &fields, words.go_on)
    );
    let mut reply = page(words, &main, 200);
    reply.head.forms.push(origin(at));
    reply
}

/// A sentence, and a way to begin anew.
pub(crate) fn again(words: &Words, url: &str, sentence: &str, status: u16) -> PageReply {
    let form = form(&format!("{url}/start"), &[], words.again);
    page(words, &format!("<p role=status>{sentence}</p>{form}<script>{COLLECT}</script>"), status)
}

/// A sentence, and nothing to do.
pub(crate) fn notice(words: &Words, sentence: &str, status: u16) -> PageReply {
    page(words, &format!("<p role=status>{sentence}</p>"), status)
}

/// What the frame of the 3DS method is left with.
pub(crate) fn blank() -> PageReply {
    PageReply::html("<!doctype html><title>3-D Secure</title>")
}

fn page(words: &Words, main: &str, status: u16) -> PageReply {
    let Words { language, title, .. } = words;
    let html = format!(
        "<!doctype html><html lang={language}><meta charset=utf-8><meta name=viewport \
         content=\"width=device-width,initial-scale=1\"><title>{title}</title><style>{STYLE}</style><main>\
         <h1>{title}</h1><div>{main}</div></main></html>"
    );
    PageReply::of(status, "text/html; charset=utf-8", html)
}

fn form(action: &str, fields: &[(&str, &str)], button: &str) -> String {
    let hidden = |(name, value): &(&str, &str)| format!("<input type=hidden name={name} value=\"{}\">", escaped(value));
    let fields: String = fields.iter().map(hidden).collect();
    format!("<form method=post action=\"{}\">{fields}<button>{button}</button></form>", escaped(action))
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_others_wrote_is_markup() {
        assert_eq!(escaped("<b onload='x'>\"&\""), "&lt;b onload=&#39;x&#39;&gt;&quot;&amp;&quot;");
    }
}
