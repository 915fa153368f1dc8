//! Lines of text over TCP, for ports that don't speak HTTP.

use std::time::Duration;

use http::Uri;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    time::timeout,
};

use super::client::Client;
use crate::support::{api::block_on, polling::wait_until};

/// Time after which a line counts as unanswered.
const LINE_TIMEOUT: Duration = Duration::from_secs(10);

impl Client {
    /// Sends a line over a new connection to `host:port`, and returns the answer. The error says why there is none.
    pub(crate) fn send_line(&self, authority: &str, line: &str) -> Result<String, String> {
        let uri: Uri = format!("tcp://{authority}").parse().expect("a host and a port");
        let address = self.resolve(&uri)?;
        let socket = self.socket();
        let exchange = async {
            let mut stream = socket.connect(address).await?;
            stream.write_all(format!("{line}\n").as_bytes()).await?;
            let mut answer = String::new();
            BufReader::new(stream).read_line(&mut answer).await?;
            Ok(answer)
        };
        match block_on(async { timeout(LINE_TIMEOUT, exchange).await }) {
            Ok(Ok(answer)) if answer.is_empty() => Err("the connection was closed".to_owned()),
            Ok(Ok(answer)) => Ok(answer.trim_end().to_owned()),
            Ok(Err::<_, std::io::Error>(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {LINE_TIMEOUT:?}")),
        }
    }

    /// Repeats the line until it is answered, or until it isn't, twice in a row.
    #[track_caller]
    pub(crate) fn line_is_answered(&self, authority: &str, is_answered: bool) {
        let mut in_a_row = 0;
        let expectation = format!("{authority} answers: {is_answered}");
        wait_until(Duration::from_secs(30), &expectation, || {
            in_a_row = if self.send_line(authority, "ping").is_ok() == is_answered { in_a_row + 1 } else { 0 };
            in_a_row == 2
        });
    }
}
