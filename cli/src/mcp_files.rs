//! `ravelin files`: a small MCP server over stdio that reads files below a directory.

mod folder;
mod paced;

use std::path::PathBuf;
use std::sync::Arc;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData,
    Implementation, JsonObject, ListToolsResult, PaginatedRequestParams, ServerCapabilities,
    ServerConfig, Tool, ToolAnnotations,
};
use rmcp::service::{RequestContext, ServerInitializeError};
use rmcp::{RoleServer, ServerHandler, ServiceExt as _};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::event_loop;
use crate::failure::{Exit, Failure, Refusal};
use folder::Folder;
use paced::Paced;

/// A small MCP server on stdin and stdout that reads files below a directory
///
/// It offers the tools read_file and list_files. Links are not followed, nothing above the directory is reachable, names
/// are such that every system reads them alike, and a file is at most 256 KiB of UTF-8. On Windows it lists nothing. `ravelin
/// path check` shows its rules at work.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  ravelin files --root docs
  ravelin proxy --listen 127.0.0.1:8443 --cert certs/localhost.pem --key certs/localhost.key \\
      --to stdio -- ravelin files --root docs")]
pub(crate) struct Args {
    /// Directory below which files are read
    #[arg(long, value_name = "DIR")]
    root: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let folder = Folder::open(&args.root)?;
    let runtime = event_loop::of_one_thread()?;
    let outcome = runtime.block_on(serve(folder, tokio::io::stdin(), tokio::io::stdout()));
    // A read of stdin may be parked in a thread that nothing wakes: do not wait for it.
    runtime.shutdown_background();
    outcome
}

/// Answers one client until it closes `input`.
async fn serve(
    folder: Folder,
    input: impl AsyncRead + Send + Unpin + 'static,
    output: impl AsyncWrite + Send + Unpin + 'static,
) -> Result<(), Failure> {
    let files = Files {
        folder: Arc::new(folder),
    };
    let refused = |cause: String| {
        Failure::new(
            Exit::PeerRefused,
            "E-FILE-10",
            cause,
            "start it from an MCP client, which begins with initialize",
        )
    };
    match files.serve(Paced::new(input, output)).await {
        Ok(running) => running.waiting().await.map(drop).map_err(|error| {
            Failure::new(
                Exit::Io,
                "E-FILE-11",
                format!("the server stopped: {error}"),
                "start it again",
            )
        }),
        // A client that leaves before it asked for anything is no error.
        Err(ServerInitializeError::ConnectionClosed(_)) => Ok(()),
        Err(ServerInitializeError::ExpectedInitializeRequest(_)) => Err(refused(
            "the client's first message was not initialize".to_owned(),
        )),
        Err(error) => Err(refused(format!("the MCP handshake failed: {error}"))),
    }
}

struct Files {
    folder: Arc<Folder>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadFile {
    path: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListFiles {
    path: Option<String>,
}

impl ServerHandler for Files {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new(
                "ravelin-files",
                env!("CARGO_PKG_VERSION"),
            ))
            .with_instructions("Reads text files below one directory. Paths are relative to it.")
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(vec![
            read_file(),
            list_files(),
        ]))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        let folder = Arc::clone(&self.folder);
        // Files may lie on a slow disk: off the loop that reads requests.
        let answer = match request.name.as_ref() {
            "read_file" => tokio::task::spawn_blocking(move || {
                folder.read_text(&parsed::<ReadFile>(arguments)?.path)
            }),
            "list_files" => tokio::task::spawn_blocking(move || {
                folder.list(parsed::<ListFiles>(arguments)?.path.as_deref())
            }),
            _ => return Err(ErrorData::invalid_params("unknown tool", None)),
        };
        let answer = answer
            .await
            .map_err(|_| ErrorData::internal_error("the tool stopped", None))?;
        Ok(match answer {
            Ok(text) => CallToolResult::success(vec![ContentBlock::text(text)]),
            Err(refusal) => CallToolResult::error(vec![ContentBlock::text(refusal.to_string())]),
        }
        .into())
    }
}

fn parsed<T: for<'de> Deserialize<'de>>(arguments: Value) -> Result<T, Refusal> {
    T::deserialize(arguments).map_err(|error| {
        Refusal::new(
            "E-FILE-01",
            format!("wrong arguments: {error}"),
            "see the tool's input schema",
        )
    })
}

fn read_file() -> Tool {
    tool(
        "read_file",
        "Read a UTF-8 text file of at most 256 KiB",
        json!({ "path": { "type": "string", "description": "relative to the root, such as notes/today.md" } }),
        &["path"],
    )
}

fn list_files() -> Tool {
    tool(
        "list_files",
        "List the files and directories of one directory, one name a line; directories end with /",
        json!({ "path": { "type": "string", "description": "relative to the root; the root itself when left out" } }),
        &[],
    )
}

fn tool(
    name: &'static str,
    description: &'static str,
    properties: Value,
    required: &[&str],
) -> Tool {
    let mut schema = JsonObject::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), properties);
    schema.insert("required".to_owned(), json!(required));
    schema.insert("additionalProperties".to_owned(), json!(false));
    Tool::new(name, description, schema)
        .with_annotations(ToolAnnotations::new().read_only(true).open_world(false))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::mcp_client::Session;

    #[test]
    fn rmcps_client_lists_the_tools_and_reads_a_file() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("hello.txt"), "Grüße\n").unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (near, far) = tokio::io::duplex(4096);
            let (input, output) = tokio::io::split(far);
            let server = tokio::spawn(serve(folder, input, output));
            let (input, output) = tokio::io::split(near);
            let session = Session::open(input, output).await.unwrap();
            let (server_name, protocol) = session.server().unwrap();
            assert!(server_name.is_some_and(|name| name.starts_with("ravelin-files ")));
            assert!(protocol.starts_with("20"), "{protocol}");
            assert_eq!(session.tools().await.unwrap(), ["read_file", "list_files"]);
            let answer = session.read_file("hello.txt").await.unwrap();
            assert_eq!(answer.as_deref(), Ok("Grüße\n"));
            let answer = session.read_file("../hello.txt").await.unwrap();
            assert!(answer.is_err_and(|text| text.starts_with("error E-PTH-16: ")));
            drop(session);
            server.await.unwrap().unwrap();
        });
    }
}
