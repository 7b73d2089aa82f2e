//! Building the requests of a definition.

use std::ops::Range;

use toml::Spanned;

use super::{
    definition::{AdapterExchange, AdapterRevocation, Answer, Body, Expiry, Request},
    document::{ExchangePart, RevokePart, Table, Text},
    names,
    parts::{Builder, in_order},
    template::Name,
    url::UrlTemplate,
    usage::Site,
};

/// The parts of a request, which an exchange and a revocation have in common.
struct RequestParts<'a> {
    method: Option<&'a Text>,
    methods: &'static [&'static str],
    url: &'a Text,
    form: Option<&'a Spanned<Table<Text>>>,
    json: Option<&'a Spanned<toml::Value>>,
    headers: &'a Table<Text>,
    sites: [Site; 2],
}

impl Builder<'_> {
    pub(super) fn exchange(&mut self, part: &Spanned<ExchangePart>) -> Option<AdapterExchange> {
        let (span, part) = (part.span(), part.get_ref());
        let request = self.request(&RequestParts {
            method: part.method.as_ref(),
            methods: &["POST"],
            url: &part.url,
            form: part.form.as_ref(),
            json: part.json.as_ref(),
            headers: &part.headers,
            sites: [Site::ExchangeUrl, Site::Exchange],
        });
        if !self.used.has_at(Site::Exchange, &Name::Token) {
            self.problems.add(span.clone(), "the exchange does not send {{ token }}");
        }
        if part.answer.is_empty() {
            self.problems.add(span.clone(), "[exchange.answer] is missing: nothing is read from the answer");
        }
        let mut answers = Vec::new();
        for (key, answer) in in_order(&part.answer) {
            self.named(key, "the key of an answer", names::key);
            self.named(&answer.pointer, "the pointer", names::pointer);
            answers.push(Answer {
                key: key.get_ref().clone(),
                pointer: answer.pointer.get_ref().clone(),
                is_secret: answer.is_secret,
                is_optional: answer.is_optional,
            });
        }
        let expiry = self.expiry(part, span);
        let revocation = part.revoke.as_ref().map(|revoke| self.revocation(revoke));
        let revocation = revocation.and_then(|request| Some(AdapterRevocation { request: request? }));
        Some(AdapterExchange { request: request?, answers, expiry, revocation })
    }

    fn expiry(&mut self, part: &ExchangePart, span: Range<usize>) -> Option<Expiry> {
        let pointers = [&part.expires_in, &part.expires_at];
        pointers.into_iter().flatten().for_each(|text| self.named(text, "the pointer", names::pointer));
        match (&part.expires_in, &part.expires_at) {
            (Some(_), Some(_)) => {
                self.problems.add(span, "only one of expires_in and expires_at can hold");
                None
            }
            (Some(pointer), None) => Some(Expiry::In(pointer.get_ref().clone())),
            (None, Some(pointer)) => Some(Expiry::At(pointer.get_ref().clone())),
            (None, None) => None,
        }
    }

    fn revocation(&mut self, part: &RevokePart) -> Option<Request> {
        self.request(&RequestParts {
            method: part.method.as_ref(),
            methods: &["POST", "DELETE", "PUT"],
            url: &part.url,
            form: part.form.as_ref(),
            json: part.json.as_ref(),
            headers: &part.headers,
            sites: [Site::RevokeUrl, Site::Revoke],
        })
    }

    fn request(&mut self, parts: &RequestParts<'_>) -> Option<Request> {
        let [url_site, site] = parts.sites;
        let method = parts.method.map_or("POST", |method| method.get_ref());
        if let Some(written) = parts.method.filter(|_| !parts.methods.contains(&method)) {
            self.problems.add(written.span(), format!("the method is one of {}", parts.methods.join(", ")));
        }
        if let (Some(form), Some(_)) = (parts.form, parts.json) {
            self.problems.add(form.span(), "a request has either form or json");
        }
        let body = match (parts.form, parts.json) {
            (Some(form), _) => {
                let fields = in_order(form.get_ref()).into_iter();
                let fields = fields.map(|(name, text)| (name.get_ref().clone(), self.template(text, site)));
                Body::Form(fields.collect())
            }
            (None, Some(json)) => Body::Json(self.json(json, site)),
            (None, None) => Body::None,
        };
        let mut headers = Vec::new();
        for (name, text) in in_order(parts.headers) {
            self.named(name, "a header", names::header);
            let template = self.template(text, site);
            if template
                .literals()
                .any(|text| !text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()))
            {
                self.problems.add(text.span(), "a header has visible ASCII characters and spaces only");
            }
            headers.push((name.get_ref().clone(), template));
        }
        let url = self.url(parts.url, url_site)?;
        Some(Request { method: method.to_owned(), url, body, headers })
    }

    fn url(&mut self, text: &Text, site: Site) -> Option<UrlTemplate> {
        match UrlTemplate::parse(text.get_ref()) {
            Ok(url) => {
                self.used.check(url.template(), site, &self.known, &text.span(), &mut self.problems);
                Some(url)
            }
            Err(error) => {
                self.broken(text, &error);
                None
            }
        }
    }
}
