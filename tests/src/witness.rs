//! Somebody outside to whom a run can say what it sees, and who can make it wait.

use std::{collections::BTreeSet, convert::Infallible, time::Duration};

use anyhow::Context;
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response,
    body::{Bytes, Incoming},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::archive::Archive;

const LIMIT: Duration = Duration::from_secs(90);

const EMPTY_STATE: &str = r#"{"version": 4, "terraform_version": "1.0.0", "serial": 1, "lineage": "other", "outputs": {}, "resources": []}"#;

/// A listener on the loopback interface that belongs to the test.
#[derive(Debug)]
pub struct Witness {
    url: String,
    book: watch::Sender<Book>,
    serving: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Book {
    statements: Vec<(String, String)>,
    arrivals: Vec<String>,
    open: BTreeSet<String>,
}

impl Witness {
    /// Starts to listen.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://127.0.0.1:{}", listener.local_addr()?.port());
        let book = watch::Sender::default();
        let serving = tokio::spawn(serve(listener, book.clone()));
        Ok(Self { url, book, serving })
    }

    /// A command of a shell that hands its standard input over as a statement of this name.
    pub fn hear(&self, name: &str) -> String {
        format!("curl -sS --fail -o /dev/null --data-binary @- {}/statements/{name}", self.url)
    }

    /// A command of a shell that does not end before the gate is open.
    pub fn wait_at(&self, gate: &str) -> String {
        format!("curl -sS --fail -o /dev/null {}/gates/{gate}", self.url)
    }

    /// The source of an empty module that cannot be fetched before the gate is open.
    pub fn module_behind(&self, gate: &str) -> String {
        format!("{}/modules/{gate}.tar.gz", self.url)
    }

    /// The address of a Terraform state without anything in it, which cannot be read before the gate is open.
    pub fn state_behind(&self, gate: &str) -> String {
        format!("{}/states/{gate}", self.url)
    }

    /// Lets everybody pass a gate, now and later.
    pub fn open(&self, gate: &str) {
        self.book.send_modify(|book| {
            book.open.insert(gate.to_owned());
        });
    }

    /// Stops everybody who comes to a gate from now on.
    pub fn close(&self, gate: &str) {
        self.book.send_modify(|book| {
            book.open.remove(gate);
        });
    }

    /// How many have come to a gate so far.
    pub fn arrivals(&self, gate: &str) -> usize {
        self.book.borrow().arrivals.iter().filter(|arrival| *arrival == gate).count()
    }

    /// Waits until so many have come to a gate.
    pub async fn wait_for_arrivals(&self, gate: &str, count: usize) -> anyhow::Result<()> {
        let arrived = |book: &Book| book.arrivals.iter().filter(|arrival| *arrival == gate).count() >= count;
        self.wait(&format!("{count} arrivals at {gate}"), arrived).await
    }

    /// What was said under a name, oldest first.
    pub fn statements(&self, name: &str) -> Vec<String> {
        let book = self.book.borrow();
        book.statements.iter().filter(|(known, _)| known == name).map(|(_, text)| text.clone()).collect()
    }

    /// The first statement of a name, once it was made.
    pub async fn statement(&self, name: &str) -> anyhow::Result<String> {
        let made = |book: &Book| book.statements.iter().any(|(known, _)| known == name);
        self.wait(&format!("the statement {name}"), made).await?;
        self.statements(name).into_iter().next().context("a statement is never taken back")
    }

    async fn wait(&self, what: &str, condition: impl FnMut(&Book) -> bool) -> anyhow::Result<()> {
        let mut reader = self.book.subscribe();
        let waited = tokio::time::timeout(LIMIT, reader.wait_for(condition)).await;
        waited.with_context(|| format!("gave up waiting for {what}"))?.map(drop)?;
        Ok(())
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, book: watch::Sender<Book>) {
    while let Ok((stream, _)) = listener.accept().await {
        let book = book.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let book = book.clone();
                async move { Ok::<_, Infallible>(answer(request, &book).await) }
            });
            let connection = hyper::server::conn::http1::Builder::new();
            // A client that goes away ends its own connection only.
            let _closed = connection.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(request: Request<Incoming>, book: &watch::Sender<Book>) -> Response<Full<Bytes>> {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    match (request.method(), path.split_once('/')) {
        (&Method::POST, Some(("statements", name))) => {
            let text = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            let text = String::from_utf8_lossy(&text).into_owned();
            book.send_modify(|book| book.statements.push((name.to_owned(), text)));
            response(200, Vec::new())
        }
        (&Method::GET, Some(("gates", gate))) => {
            pass(book, gate).await;
            response(200, Vec::new())
        }
        (&Method::GET, Some(("states", gate))) => {
            pass(book, gate).await;
            response(200, EMPTY_STATE.into())
        }
        (&Method::HEAD, Some(("modules", _))) => response(200, Vec::new()),
        (&Method::GET, Some(("modules", name))) => {
            pass(book, name.trim_end_matches(".tar.gz")).await;
            let module = Archive::new().file("main.tf", "locals {}\n").and_then(Archive::finish);
            module.map_or_else(|_| response(500, Vec::new()), |bytes| response(200, bytes))
        }
        _ => response(404, Vec::new()),
    }
}

async fn pass(book: &watch::Sender<Book>, gate: &str) {
    book.send_modify(|book| book.arrivals.push(gate.to_owned()));
    let mut reader = book.subscribe();
    // The sender lives in this task, so the wait ends with the gate's opening or with the task.
    drop(reader.wait_for(|book| book.open.contains(gate)).await);
}

fn response(status: u16, body: Vec<u8>) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::new(Bytes::from(body))).expect("the status is a constant")
}
