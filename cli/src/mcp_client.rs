//! The client half of `demo`: an MCP session over any pair of byte streams.

use rmcp::model::{CallToolRequestParams, CallToolResult, JsonObject};
use rmcp::service::RunningService;
use rmcp::{RoleClient, ServiceExt as _};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::failure::{Exit, Failure};

/// An initialized session; dropping it ends it.
pub(crate) struct Session {
    running: RunningService<RoleClient, ()>,
}

impl Session {
    /// Initializes over `input` and `output`, such as the stdout and stdin of a child.
    pub(crate) async fn open(
        input: impl AsyncRead + Send + Unpin + 'static,
        output: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Result<Self, Failure> {
        let running =
            ().serve((input, output))
                .await
                .map_err(|error| failed("initialize", &error))?;
        Ok(Self { running })
    }

    /// The server's name and version, if it says so, and the protocol version that both speak.
    pub(crate) fn server(&self) -> Option<(Option<String>, String)> {
        let info = self.running.peer_info()?;
        let server = info.server_info.as_ref();
        Some((
            server.map(|server| format!("{} {}", server.name, server.version)),
            info.protocol_version.to_string(),
        ))
    }

    /// Whether the server says that it has tools.
    pub(crate) fn offers_tools(&self) -> bool {
        let info = self.running.peer_info();
        info.is_some_and(|info| info.capabilities.tools.is_some())
    }

    /// Ends it: the server's input is closed.
    pub(crate) async fn close(self) {
        // Whatever ended it, it has ended.
        let _ = self.running.cancel().await;
    }

    /// The names of the server's tools.
    pub(crate) async fn tools(&self) -> Result<Vec<String>, Failure> {
        let tools = self
            .running
            .list_all_tools()
            .await
            .map_err(|error| failed("tools/list", &error))?;
        Ok(tools
            .into_iter()
            .map(|tool| tool.name.into_owned())
            .collect())
    }

    /// What `read_file` answers: the text, or as `Err` what the tool says went wrong.
    pub(crate) async fn read_file(&self, path: &str) -> Result<Result<String, String>, Failure> {
        let mut arguments = JsonObject::new();
        arguments.insert("path".to_owned(), path.into());
        let request = CallToolRequestParams::new("read_file").with_arguments(arguments);
        let result = self
            .running
            .call_tool(request)
            .await
            .map_err(|error| failed("tools/call", &error))?;
        let text = text(&result);
        Ok(if result.is_error == Some(true) {
            Err(text)
        } else {
            Ok(text)
        })
    }
}

fn text(result: &CallToolResult) -> String {
    let texts = result.content.iter().filter_map(|block| block.as_text());
    texts.map(|block| block.text.as_str()).collect()
}

fn failed(step: &str, error: &dyn std::error::Error) -> Failure {
    Failure::new(
        Exit::Io,
        "E-MCP-01",
        format!("the MCP server did not answer {step}: {error}"),
        "check that the command is an MCP server that speaks over stdin and stdout",
    )
}
