//! A client that asks and waits, as a program would: one kept connection per client.

use std::future::Future;

use reqwest::{Method, Response};
use serde_json::{Value, json};

/// Runs the client's side.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
}

impl Client {
    pub(crate) fn new(address: &str) -> Self {
        // reqwest brings no cryptography of its own; an error says that it is there already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self {
            http,
            base: format!("http://{address}"),
        }
    }

    /// Sends a request, with a body where one is given.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Response {
        let request = self.http.request(method, format!("{}{path}", self.base));
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        request.send().await.unwrap()
    }

    async fn accepted(&self, response: Response) -> Option<String> {
        let status = response.status().as_u16();
        assert!(status == 202, "{status}: {}", response.text().await.unwrap());
        self.finish(response.headers()["location"].to_str().unwrap())
            .await
    }

    /// Waits for the end; answers where the resource is.
    async fn finish(&self, queue: &str) -> Option<String> {
        loop {
            let place = format!("{queue}?wait=30");
            let response = self.send(Method::GET, &place, None).await;
            match response.status().as_u16() {
                200 => {}
                303 => return Some(response.headers()["location"].to_str().unwrap().to_owned()),
                204 => return None,
                status => panic!("{queue}: {status}: {}", response.text().await.unwrap()),
            }
        }
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Option<String> {
        self.accepted(self.send(Method::POST, path, Some(&body)).await)
            .await
    }

    /// Asks for a change, and does not wait for its end.
    pub(crate) async fn begin(&self, path: &str, body: Value) {
        let response = self.send(Method::POST, path, Some(&body)).await;
        let status = response.status().as_u16();
        assert!(status == 202, "{status}: {}", response.text().await.unwrap());
    }

    pub(crate) async fn delete(&self, path: &str) {
        self.accepted(self.send(Method::DELETE, path, None).await).await;
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.send(Method::GET, path, None).await.json().await.unwrap()
    }

    /// Posts nothing and reads the answer.
    pub(crate) async fn ask(&self, path: &str) -> Value {
        self.send(Method::POST, path, None).await.json().await.unwrap()
    }

    pub(crate) async fn cluster(&self) -> String {
        let body = json!({"file": true, "block": true});
        let response = self.send(Method::POST, "/clusters", Some(&body)).await;
        let cluster: Value = response.json().await.unwrap();
        cluster["id"].as_str().unwrap().to_owned()
    }

    /// Adds a node with devices; its zone is `zone`.
    pub(crate) async fn node(&self, cluster: &str, host: &str, zone: u32, devices: &[String]) {
        let body =
            json!({"cluster": cluster, "zone": zone, "hostnames": {"manage": [host], "storage": [host]}});
        let node = self.post("/nodes", body).await.unwrap();
        let node = node.rsplit('/').next().unwrap();
        for device in devices {
            self.post("/devices", json!({"node": node, "name": device})).await;
        }
    }

    /// Makes a replica-3 volume of 1 GiB; answers its path.
    pub(crate) async fn volume(&self) -> String {
        let body = json!({"size": 1, "durability": {"type": "replicate", "replicate": {"replica": 3}}});
        self.post("/volumes", body).await.unwrap()
    }
}
