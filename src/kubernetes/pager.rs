//! LIST requests, whose responses come page by page (`limit` and `continue`).

use serde_json::Value as Json;

use super::{
    api_client::ApiClient,
    api_path::encode,
    api_request::{ApiRequest, JSON},
    deadline::Deadline,
    error::Error,
};
use crate::json_path::text;

const PAGE_SIZE: usize = 500;

/// A LIST of one collection that is under way.
pub(super) struct Pager {
    /// Path and query of the first page.
    uri: String,
    accept: &'static str,
    continue_token: Option<String>,
    is_finished: bool,
}

impl Pager {
    /// Starts at the first page of the collection at `path`.
    pub(super) fn new(path: &str) -> Self {
        Self::accepting(JSON, path)
    }

    /// Starts at the first page, in the media type `accept`.
    pub(super) fn accepting(accept: &'static str, path: &str) -> Self {
        Self { uri: format!("{path}?limit={PAGE_SIZE}"), accept, continue_token: None, is_finished: false }
    }

    /// Restricts the list to objects with a label, `key` or `key=value`.
    pub(super) fn with_label(mut self, selector: &str) -> Self {
        self.uri.push_str("&labelSelector=");
        self.uri.push_str(&encode(selector));
        self
    }

    /// Whether the last page was read.
    pub(super) fn is_finished(&self) -> bool {
        self.is_finished
    }

    /// Reads one page. An error 404 says that the server doesn't serve the kind.
    pub(super) async fn next_page(&mut self, api: &ApiClient, deadline: &Deadline) -> Result<Vec<Json>, Error> {
        let uri = match &self.continue_token {
            Some(token) => format!("{}&continue={}", self.uri, encode(token)),
            None => self.uri.clone(),
        };
        let mut list = api.send(&ApiRequest::get_as(uri, self.accept), deadline).await?.json()?;
        self.continue_token =
            text(&list, &["metadata", "continue"]).filter(|token| !token.is_empty()).map(str::to_owned);
        self.is_finished = self.continue_token.is_none();
        match list.get_mut("items").map(Json::take) {
            Some(Json::Array(items)) => Ok(items),
            _ => Ok(Vec::new()),
        }
    }

    /// Reads all pages, or `None` if there are more than `max_pages`.
    pub(super) async fn read_all(
        mut self,
        max_pages: usize,
        api: &ApiClient,
        deadline: &Deadline,
    ) -> Result<Option<Vec<Json>>, Error> {
        let mut items = Vec::new();
        for _ in 0..max_pages {
            items.extend(self.next_page(api, deadline).await?);
            if self.is_finished {
                return Ok(Some(items));
            }
        }
        Ok(None)
    }
}
