//! How does an MCP client talk to the agent plane?
