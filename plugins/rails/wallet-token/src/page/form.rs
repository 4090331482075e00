//! A form as a browser posts it (`application/x-www-form-urlencoded`, WHATWG URL, section 5).

/// Names and values, in order. What is not text is no value.
pub(super) fn fields(body: &[u8]) -> Vec<(String, String)> {
    let pairs = body.split(|b| *b == b'&').filter(|pair| !pair.is_empty());
    let read = |pair: &[u8]| {
        let at = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
        let (name, value) = pair.split_at(at);
        Some((decoded(name)?, decoded(value.get(1..).unwrap_or_default())?))
    };
    pairs.filter_map(read).collect()
}

fn decoded(text: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hex_digit(rest.next()?)? << 4 | hex_digit(rest.next()?)?,
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::fields;

    #[test]
    fn a_form_is_read_as_it_is_posted() {
        let check = |body: &str, expected: &[(&str, &str)]| {
            let expected: Vec<_> = expected.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            assert_eq!(fields(body.as_bytes()), expected, "{body}");
        };
        check("", &[]);
        check("token=%7B%22a%22%3A1%7D&card=Visa+0492", &[("token", "{\"a\":1}"), ("card", "Visa 0492")]);
        check("a&b=&=c&&", &[("a", ""), ("b", ""), ("", "c")]);
        check("a=b=c", &[("a", "b=c")]);
        check("a=%&b=%4&c=%zz&d=%ff&e=1", &[("e", "1")]);
        check("a=%C3%A8", &[("a", "è")]);
    }
}
