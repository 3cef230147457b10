//! Where is a database of a test, seen by whom?

use std::net::{SocketAddr, ToSocketAddrs};

use url::Url;

use crate::fault_proxy::FaultProxy;

/// The URL of a database for its superuser, and the other ways to it.
#[derive(Debug, Clone)]
pub(crate) struct Place(Url);

impl Place {
    /// The database `name` on the server that `url` names.
    pub(crate) fn of(mut url: Url, name: &str) -> Self {
        url.set_path(name);
        Self(url)
    }

    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    pub(crate) fn with(&self, parameters: &[(&str, &str)]) -> String {
        let mut url = self.0.clone();
        url.query_pairs_mut().extend_pairs(parameters);
        url.to_string()
    }

    pub(crate) fn seen_by(&self, user: &str, password: &str) -> String {
        let mut url = self.0.clone();
        url.set_username(user).expect("the URL may carry a user");
        url.set_password(Some(password)).expect("the URL may carry a password");
        url.to_string()
    }

    pub(crate) fn through(&self, proxy: &FaultProxy) -> String {
        let mut url = self.0.clone();
        let address = proxy.address();
        url.set_ip_host(address.ip()).expect("the URL may carry an address");
        url.set_port(Some(address.port())).expect("the URL may carry a port");
        url.to_string()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        let host = self.0.host_str().expect("the URL names a host");
        let port = self.0.port().expect("the URL of a throw-away server names its port");
        let mut found = (host, port).to_socket_addrs().expect("the host of the server resolves");
        // The throw-away server listens on IPv4 alone.
        found.find(SocketAddr::is_ipv4).expect("the host of the server has an IPv4 address")
    }
}
