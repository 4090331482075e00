//! A person's browser, as far as the stories need one: it follows links, fills in forms and sends them.

use std::time::Duration;

use reqwest::Url;

/// A browser without scripts.
pub(super) struct Browser(reqwest::Client);

/// A page, and where it is.
pub(super) struct Shown {
    pub(super) url: Url,
    pub(super) html: String,
}

/// A form of a page: where it goes, and what it holds already.
pub(super) struct Form {
    action: Url,
    fields: Vec<(String, String)>,
}

impl Browser {
    pub(super) fn new() -> Result<Self, String> {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).user_agent("Mozilla/5.0");
        client.build().map(Self).map_err(|e| e.to_string())
    }

    pub(super) async fn open(&self, url: &str) -> Result<Shown, String> {
        shown(self.0.get(url)).await
    }

    /// Sends a form, with these fields filled in.
    pub(super) async fn send(&self, form: Form, filled: &[(&str, &str)]) -> Result<Shown, String> {
        let mut fields = form.fields;
        for (name, value) in filled {
            fields.retain(|(known, _)| known != name);
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.0.post(form.action).header("content-type", "application/x-www-form-urlencoded").body(body);
        shown(request.header("accept", "text/html")).await
    }
}

async fn shown(request: reqwest::RequestBuilder) -> Result<Shown, String> {
    // A page's address opens it, and belongs into no error.
    let response = request.send().await.map_err(|e| e.without_url().to_string())?;
    let (status, url) = (response.status(), response.url().clone());
    let html = response.text().await.map_err(|e| e.without_url().to_string())?;
    if !status.is_success() {
        return Err(format!("a page answers {status}: {}", words(&html)));
    }
    Ok(Shown { url, html })
}

impl Shown {
    /// The form that has a field of this name.
    pub(super) fn form(&self, field: &str) -> Result<Form, String> {
        let forms = self.html.split("<form").skip(1).map(|rest| rest.split("</form>").next().unwrap_or(rest));
        for form in forms {
            let asks = ["<input", "<textarea"].iter().flat_map(|tag| form.split(tag).skip(1)).filter_map(input);
            if asks.into_iter().any(|(name, _)| name == field) {
                return self.read(form);
            }
        }
        Err(format!("the page has no form with {field:?}: {}", words(&self.html)))
    }

    /// The first form that a person can send.
    pub(super) fn any_form(&self) -> Result<Form, String> {
        let mut forms = self.html.split("<form").skip(1).map(|rest| rest.split("</form>").next().unwrap_or(rest));
        self.read(forms.find(|form| form.contains("<button")).ok_or("the page has no form")?)
    }

    fn read(&self, form: &str) -> Result<Form, String> {
        let action = attribute(form, "action").unwrap_or_default();
        let action = self.url.join(&action).map_err(|e| e.to_string())?;
        Ok(Form { action, fields: form.split("<input").skip(1).filter_map(input).collect() })
    }

    /// Where a link with this in its address goes.
    pub(super) fn link(&self, part: &str) -> Result<String, String> {
        let links = self.html.split("<a ").skip(1).filter_map(|tag| attribute(tag, "href"));
        let link = links.into_iter().find(|href| href.contains(part)).ok_or("the page has no such link")?;
        self.url.join(&link).map(String::from).map_err(|e| e.to_string())
    }

    /// What a person reads there.
    pub(super) fn words(&self) -> String {
        words(&self.html)
    }
}

fn input(tag: &str) -> Option<(String, String)> {
    Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default()))
}

/// The value of an attribute of the tag that begins here.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let tag = tag.split('>').next()?;
    let (_, rest) = tag.split_once(&format!(" {name}="))?;
    let value = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => rest.split(' ').next()?,
    };
    Some(
        value
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&"),
    )
}

fn words(html: &str) -> String {
    let body = html.split_once("<body").map_or(html, |(_, body)| body);
    let texts = body.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text.trim());
    texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
}
