//! A payer's browser without scripts: it opens links, fills in forms and sends them.

use reqwest::Url;

/// A browser.
pub(crate) struct Browser(reqwest::Client);

/// What is shown, and where.
pub(crate) struct Shown {
    url: Url,
    pub(crate) status: u16,
    pub(crate) html: String,
}

impl Browser {
    pub(crate) fn new() -> Self {
        Self(reqwest::Client::builder().no_proxy().user_agent("Mozilla/5.0").build().unwrap())
    }

    pub(crate) async fn open(&self, url: &str) -> Shown {
        shown(self.0.get(url)).await
    }

    /// Posts a form with these fields.
    pub(crate) async fn post(&self, url: &str, fields: &[(&str, &str)]) -> Shown {
        let mut query = Url::parse("form:").unwrap();
        query.query_pairs_mut().extend_pairs(fields);
        let request = self.0.post(url).header("content-type", "application/x-www-form-urlencoded");
        shown(request.header("accept", "text/html").body(query.query().unwrap_or_default().to_owned())).await
    }

    /// Sends the only form of a page, with these fields filled in.
    pub(crate) async fn send(&self, page: &Shown, filled: &[(&str, &str)]) -> Shown {
        let (action, held) = page.form().unwrap_or_else(|| panic!("no form in {}", page.html));
        let held = held.iter().filter(|(name, _)| filled.iter().all(|(other, _)| other != name));
        let fields: Vec<(&str, &str)> =
            held.map(|(name, value)| (name.as_str(), value.as_str())).chain(filled.iter().copied()).collect();
        self.post(action.as_str(), &fields).await
    }
}

async fn shown(request: reqwest::RequestBuilder) -> Shown {
    let answer = request.send().await.unwrap();
    Shown { status: answer.status().as_u16(), url: answer.url().clone(), html: answer.text().await.unwrap() }
}

impl Shown {
    /// Where the form of this page goes, and what it holds.
    pub(crate) fn form(&self) -> Option<(Url, Vec<(String, String)>)> {
        let form = self.html.split("<form").nth(1)?.split("</form>").next()?;
        let action = self.url.join(&attribute(form, "action")?).ok()?;
        let inputs = form
            .split("<input")
            .skip(1)
            .filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value").unwrap_or_default())));
        Some((action, inputs.collect()))
    }

    pub(crate) fn asks_for(&self, field: &str) -> bool {
        self.form().is_some_and(|(_, fields)| fields.iter().any(|(name, _)| name == field))
    }
}

/// The value of an attribute of the tag that begins here.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split('>').next()?.split_once(&format!(" {name}="))?;
    let value = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => rest.split(' ').next()?,
    };
    Some(value.replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&"))
}
