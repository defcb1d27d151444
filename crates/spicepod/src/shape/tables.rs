//! The tables. Source: the [Spicepod reference](https://spiceai.org/docs/reference/spicepod).

use super::{Field, Mapping, Shape};

const fn field(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field { name, alias: None, shape, required: false, doc, example: "" }
}

const fn required(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field { required: true, ..field(name, shape, doc) }
}

impl Field {
    const fn like(self, example: &'static str) -> Self {
        Self { example, ..self }
    }
}

const fn not_served(name: &'static str) -> Field {
    field(name, Shape::NotServed, "Known from Spice; has no effect here.")
}

/// The manifest.
pub(crate) static SPICEPOD: Mapping = Mapping {
    what: "a manifest",
    fields: &[
        required("version", Shape::Word(&["v1", "v2"], &["v1beta1"]), "Version of the format."),
        required("kind", Shape::Word(&["Spicepod"], &[]), "Always `Spicepod`."),
        required("name", Shape::Text, "Name of the application.").like("my-app"),
        field("models", Shape::Components(&MODEL), "Models to serve."),
        field("secrets", Shape::List(&SECRET_STORE), "Where secrets come from; the last one is asked first."),
        field("runtime", Shape::Map(&RUNTIME), "Settings of the process."),
        field("workers", Shape::Components(&WORKER), "Names for several models, one of which answers."),
        field("dependencies", Shape::Texts, "Manifests under `spicepods/` whose components are added.")
            .like("my-org/my-pod"),
        field("metadata", Shape::AnyMap, "Notes."),
        not_served("datasets"),
        not_served("views"),
        not_served("catalogs"),
        not_served("embeddings"),
        not_served("rerankers"),
        not_served("search_engines"),
        not_served("tools"),
        not_served("functions"),
        not_served("evals"),
        not_served("extensions"),
        not_served("management"),
        not_served("snapshots"),
    ],
};

/// A model.
pub(crate) static MODEL: Mapping = Mapping {
    what: "a model",
    fields: &[
        required("from", Shape::Text, "Provider and model id, such as `bedrock:us.amazon.nova-lite-v1:0`.")
            .like("bedrock:us.amazon.nova-lite-v1:0"),
        required("name", Shape::Text, "Name that clients ask for.").like("my-model"),
        field("description", Shape::Note, "What the model is for."),
        field("metadata", Shape::AnyMap, "Notes."),
        field("params", Shape::Params, "Parameters of the provider."),
        not_served("files"),
        not_served("datasets"),
        not_served("dependsOn"),
        not_served("metrics"),
    ],
};

static SECRET_STORE: Mapping = Mapping {
    what: "a secret store",
    fields: &[
        required("from", Shape::Text, "Kind of store, such as `env`.").like("env"),
        field("name", Shape::Text, "Name by which references call it; the kind where it is left out."),
        field("description", Shape::Note, "What it is for."),
        field("params", Shape::AnyMap, "Parameters of the store."),
    ],
};

static RUNTIME: Mapping = Mapping {
    what: "the runtime",
    fields: &[
        field("auth", Shape::Map(&AUTH), "Who may call."),
        field("cors", Shape::Map(&CORS), "Which web pages may call."),
        field("tls", Shape::Map(&TLS), "Encryption of the listener."),
        field("shutdown_timeout", Shape::Duration, "How long running answers may take to end.").like("30s"),
        not_served("task_history"),
        not_served("telemetry"),
        not_served("tracing"),
        not_served("metrics"),
        not_served("output_level"),
        not_served("ready_state"),
        not_served("params"),
        not_served("results_cache"),
        not_served("caching"),
        not_served("dataset_load_parallelism"),
        not_served("memory_limit"),
        not_served("temp_directory"),
        not_served("query"),
        not_served("scheduler"),
        not_served("flight"),
        not_served("source"),
    ],
};

static AUTH: Mapping = Mapping {
    what: "the authentication",
    fields: &[Field {
        alias: Some("api_key"),
        ..field("api-key", Shape::Map(&API_KEYS), "Keys that callers present.")
    }],
};

static API_KEYS: Mapping = Mapping {
    what: "the API keys",
    fields: &[
        field("enabled", Shape::Flag, "Whether keys are asked for; `true` where it is left out."),
        field(
            "keys",
            Shape::Keys(&API_KEY),
            "The keys: texts, or mappings with `key`, a name, models and limits.",
        )
        .like("${ secrets:API_KEY }"),
    ],
};

static API_KEY: Mapping = Mapping {
    what: "an API key",
    fields: &[
        required("key", Shape::Text, "The key; best a reference to a secret.").like("${ secrets:API_KEY }"),
        field("name", Shape::Text, "What logs and metrics call it."),
        field("models", Shape::Texts, "Models that it may use; all where it is left out.").like("my-model"),
        field("max_concurrency", Shape::Count(1), "Chats that it may have at the same time."),
        field("requests_per_minute", Shape::Count(1), "Chats that it may begin in a minute."),
        field("tokens_per_minute", Shape::Count(1), "Tokens that its chats may use in a minute."),
    ],
};

static CORS: Mapping = Mapping {
    what: "the CORS settings",
    fields: &[
        field("enabled", Shape::Flag, "Whether web pages may call."),
        field("allowed_origins", Shape::Texts, "Origins of those pages; `*` is any.")
            .like("https://example.com"),
    ],
};

static TLS: Mapping = Mapping {
    what: "the TLS settings",
    fields: &[
        field("enabled", Shape::Flag, "Whether the listener is encrypted; `true` where it is left out."),
        field("certificate_file", Shape::Text, "File with the certificate chain (PEM).").like("tls/cert.pem"),
        field("key_file", Shape::Text, "File with the key (PEM).").like("tls/key.pem"),
        field("certificate", Shape::Text, "The certificate chain itself.")
            .like("${ secrets:TLS_CERTIFICATE }"),
        field("key", Shape::Text, "The key itself; best a reference to a secret.")
            .like("${ secrets:TLS_KEY }"),
    ],
};

/// A worker.
pub(crate) static WORKER: Mapping = Mapping {
    what: "a worker",
    fields: &[
        required("name", Shape::Text, "Name that clients ask for.").like("my-worker"),
        field("description", Shape::Note, "What it is for."),
        field("load_balance", Shape::Map(&LOAD_BALANCE), "Models that it routes to."),
        not_served("params"),
        not_served("type"),
        not_served("sql"),
        not_served("cron"),
    ],
};

static LOAD_BALANCE: Mapping = Mapping {
    what: "a load balancer",
    fields: &[
        required("routing", Shape::List(&ROUTING), "The models, in order.").like("[{ from: my-model }]")
    ],
};

static ROUTING: Mapping = Mapping {
    what: "a route",
    fields: &[
        required("from", Shape::Text, "Name of a model.").like("my-model"),
        field("order", Shape::Count(0), "Its turn: those with a lower one are asked first."),
        field("weight", Shape::Count(1), "Its share of the requests, among those of the same order."),
    ],
};
