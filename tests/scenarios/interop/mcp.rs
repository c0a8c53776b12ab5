//! rmcp's server and client over the stream of every adapter.
//!
//! rmcp spawns its tasks with tokio and wants tokio's traits. Over smol and async-std both come from async-compat,
//! while the sockets and timers below stay on the reactor of the adapter.

use std::sync::OnceLock;

use async_compat::Compat;
use ravelin_core::trust::pin::Pin;
use ravelin_tests::behaviours::Ran;
use ravelin_tests::provider::seeded;
use ravelin_tests::setup::setup;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData,
    Implementation, JsonObject, ListToolsResult, PaginatedRequestParams, ServerCapabilities,
    ServerConfig, Tool,
};
use rmcp::service::{Peer, QuitReason, RequestContext, RunningService};
use rmcp::{RoleClient, RoleServer, ServerHandler, ServiceExt as _};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

use super::PATIENCE;
use crate::adapters::adapter::{Adapter, AsyncStd, BoxFuture, Smol, Tokio, within};
use crate::adapters::tls::Tls as _;

#[test]
fn rmcp_runs_over_tokio() {
    assert!(!on_tokio().names().is_empty());
}

#[test]
fn rmcp_runs_over_smol() {
    assert!(!on_smol().names().is_empty());
}

#[test]
fn rmcp_runs_over_async_std() {
    assert!(!on_async_std().names().is_empty());
}

#[test]
fn rmcp_did_the_same_over_every_adapter() {
    Ran::assert_identical(&[on_tokio(), on_smol(), on_async_std()]);
}

/// Runs the list once, however many tests ask.
fn on_tokio() -> &'static Ran {
    static RAN: OnceLock<Ran> = OnceLock::new();
    RAN.get_or_init(run::<Tokio>)
}

fn on_smol() -> &'static Ran {
    static RAN: OnceLock<Ran> = OnceLock::new();
    RAN.get_or_init(run::<Smol>)
}

fn on_async_std() -> &'static Ran {
    static RAN: OnceLock<Ran> = OnceLock::new();
    RAN.get_or_init(run::<AsyncStd>)
}

macro_rules! behaviours {
    ($adapter:ident: $($name:ident,)*) => {
        [$((stringify!($name), (|| Box::pin($name::<$adapter>())) as fn() -> BoxFuture<()>),)*]
    };
}

fn run<A: Carrier>() -> Ran {
    let behaviours = behaviours![A:
        a_session_is_initialized,
        tools_are_listed,
        a_tool_knows_the_pin_of_its_caller,
        a_quarter_mebibyte_is_echoed,
        calls_overlap,
        the_server_ends_when_its_client_leaves,
    ];
    let names = behaviours.map(|(name, behaviour)| {
        A::block_on(A::with_tokio(within::<A, _>(PATIENCE, behaviour())))
            .unwrap_or_else(|| panic!("{name} hangs over {}", A::NAME));
        name
    });
    Ran::on(A::NAME, names.into())
}

async fn a_session_is_initialized<A: Carrier>() {
    let session = session::<A>().await;
    let info = session.client.peer_info().unwrap();
    let server = info.server_info.as_ref().unwrap();
    assert_eq!(server.name, "interop");
    assert!(info.capabilities.tools.is_some());
}

async fn tools_are_listed<A: Carrier>() {
    let session = session::<A>().await;
    let tools = session.client.list_all_tools().await.unwrap();
    let names: Vec<_> = tools.iter().map(|tool| tool.name.as_ref()).collect();
    assert_eq!(names, ["caller", "echo"]);
}

async fn a_tool_knows_the_pin_of_its_caller<A: Carrier>() {
    let session = session::<A>().await;
    let alice = Pin::spki(setup().client.spki_sha256());
    let answer = call(&session.client, CallToolRequestParams::new("caller")).await;
    assert_eq!(answer, alice.to_string());
}

async fn a_quarter_mebibyte_is_echoed<A: Carrier>() {
    let session = session::<A>().await;
    let text: String = (0..256 * 1024)
        .map(|at| char::from(b'a' + (at % 23) as u8))
        .collect();
    assert!(
        echo(&session.client, &text).await == text,
        "the echo differs"
    );
}

async fn calls_overlap<A: Carrier>() {
    let session = session::<A>().await;
    let mut calls = JoinSet::new();
    for number in 0..16 {
        let client = session.client.peer().clone();
        calls.spawn(async move {
            let text = format!("{number}");
            assert_eq!(echo(&client, &text).await, text);
        });
    }
    assert_eq!(calls.join_all().await.len(), 16);
}

async fn the_server_ends_when_its_client_leaves<A: Carrier>() {
    let Session { client, server } = session::<A>().await;
    assert!(matches!(
        client.cancel().await.unwrap(),
        QuitReason::Cancelled
    ));
    assert!(matches!(server.await, QuitReason::Closed));
}

/// An adapter whose stream rmcp takes.
trait Carrier: Adapter {
    type Io: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    fn io(stream: Self::OverTcp) -> Self::Io;

    /// `future`, in which tokio's tasks can be spawned.
    fn with_tokio<T: Send + 'static>(
        future: impl Future<Output = T> + Send + 'static,
    ) -> BoxFuture<T>;
}

impl Carrier for Tokio {
    type Io = Self::OverTcp;

    fn io(stream: Self::OverTcp) -> Self::Io {
        stream
    }

    fn with_tokio<T: Send + 'static>(
        future: impl Future<Output = T> + Send + 'static,
    ) -> BoxFuture<T> {
        Box::pin(future)
    }
}

macro_rules! carries_with_compat {
    ($adapter:ident) => {
        impl Carrier for $adapter {
            type Io = Compat<Self::OverTcp>;

            fn io(stream: Self::OverTcp) -> Self::Io {
                Compat::new(stream)
            }

            fn with_tokio<T: Send + 'static>(
                future: impl Future<Output = T> + Send + 'static,
            ) -> BoxFuture<T> {
                Box::pin(Compat::new(future))
            }
        }
    };
}

carries_with_compat!(Smol);
carries_with_compat!(AsyncStd);

struct Session {
    client: RunningService<RoleClient, ()>,
    /// Why the server's side ended. Dropping a task of smol cancels it, so this is kept as long as the client.
    server: BoxFuture<QuitReason>,
}

/// An initialized session of `alice` over mutual TLS.
async fn session<A: Carrier>() -> Session {
    let mut listener = A::listen(&setup().mutual(seeded(2)).build().unwrap());
    let address = listener.local_addr().unwrap();
    let server = A::spawn(A::with_tokio(async move {
        let stream = listener.accept().await.await.unwrap();
        let caller = stream.peer().unwrap().leaf_pin().unwrap();
        let running = Tools { caller }.serve(A::io(stream)).await.unwrap();
        running.waiting().await.unwrap()
    }));
    let alice = setup().client(seeded(1)).build().unwrap();
    let stream = A::connect(&alice, address).await.unwrap();
    let client = ().serve(A::io(stream)).await.unwrap();
    Session { client, server }
}

async fn echo(client: &Peer<RoleClient>, text: &str) -> String {
    let mut arguments = JsonObject::new();
    arguments.insert("text".to_owned(), text.into());
    let request = CallToolRequestParams::new("echo").with_arguments(arguments);
    call(client, request).await
}

async fn call(client: &Peer<RoleClient>, request: CallToolRequestParams) -> String {
    let result = client.call_tool(request).await.unwrap();
    assert_ne!(result.is_error, Some(true));
    let [content] = result.content.as_slice() else {
        panic!("one content block: {:?}", result.content);
    };
    content.as_text().unwrap().text.clone()
}

/// A server of one connection.
struct Tools {
    caller: Pin,
}

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("interop", "1"))
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let mut schema = JsonObject::new();
        schema.insert("type".to_owned(), json!("object"));
        Ok(ListToolsResult::with_all_items(vec![
            Tool::new("caller", "The pin of the client's key", schema.clone()),
            Tool::new("echo", "Returns the argument text", schema),
        ]))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let text = match request.name.as_ref() {
            "caller" => self.caller.to_string(),
            "echo" => arguments["text"].as_str().unwrap().to_owned(),
            _ => return Err(ErrorData::invalid_params("unknown tool", None)),
        };
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
    }
}
