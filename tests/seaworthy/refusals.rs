use crate::world::World;

/// One wrong input, and what must come of it.
struct Refusal {
    /// Files that are there before, by path.
    files: &'static [(&'static str, &'static str)],
    arguments: &'static str,
    code: i32,
    /// The whole of standard error.
    stderr: &'static str,
}

const ORGANISATION: (&str, &str) = (
    "acme/organisation.toml",
    "name = \"acme\"\n\n[locked]\nregistry = \"registry.acme.example/agents\"\n",
);

const EXTRA: (&str, &str) =
    ("acme/templates/extra/pack.toml", "title = \"Extra\"\nsummary = \"More.\"\norder = 90\n");

#[test]
fn wrong_input_is_refused_with_the_next_step() {
    for refusal in [
        Refusal {
            files: &[],
            arguments: "new demo --preset prodution --yes",
            code: 2,
            stderr: "error: there is no preset `prodution`\n  hint: did you mean `production`?\n",
        },
        Refusal {
            files: &[],
            arguments: "new demo --set replica_min=2 --yes",
            code: 2,
            stderr: "error: there is no question `replica_min` (`--set replica_min=2`)\n  hint: did you mean `replicas_min`?\n",
        },
        Refusal {
            files: &[],
            arguments: "new demo --set port=eighty --yes",
            code: 2,
            stderr: "error: `port` cannot be `eighty` (`--set port=eighty`)\n  hint: it wants a whole number from 1024 to 65535\n",
        },
        Refusal {
            files: &[("answers.toml", "owner = \"sre\"\nport = \"8080\"\n")],
            arguments: "new demo --answers answers.toml --yes",
            code: 2,
            stderr: "error: `port` cannot be `8080` (`answers.toml:2:8`)\n  hint: it wants a whole number from 1024 to 65535\n",
        },
        Refusal {
            files: &[("answers.toml", "owner = \"sre\"\nport = = 8080\n")],
            arguments: "new demo --answers answers.toml --yes",
            code: 2,
            stderr: "error: `answers.toml:2:8` cannot be read: extra `=`, expected nothing\n  hint: correct the file at that line and column\n",
        },
        Refusal {
            files: &[],
            arguments: "new demo --answers missing.toml --yes",
            code: 2,
            stderr: "error: there is no file `missing.toml`\n  hint: correct the path\n",
        },
        Refusal {
            files: &[("demo/README.md", "mine\n"), ("demo/Makefile", "mine:\n")],
            arguments: "new demo --yes",
            code: 2,
            stderr: "error: files in `demo` are in the way: `Makefile`, `README.md`\n  hint: choose another path, or add `--force` to replace them; `--dry-run --diff` shows how they differ\n",
        },
        Refusal {
            files: &[("demo", "a file\n")],
            arguments: "new demo --yes",
            code: 2,
            stderr: "error: `demo` is in the way: it is a file\n  hint: move it away, or choose another path\n",
        },
        Refusal {
            files: &[("projects", "a file\n")],
            arguments: "new projects/demo --yes",
            code: 2,
            stderr: "error: `projects/demo` lies below something that is not a folder\n  hint: choose another path\n",
        },
        Refusal {
            files: &[("demo/Dockerfile/keep", "")],
            arguments: "new demo --yes --force",
            code: 2,
            stderr: "error: `demo/Dockerfile` is in the way: it is a folder\n  hint: move it away, or choose another path\n",
        },
        Refusal {
            files: &[],
            arguments: "new My_App --yes",
            code: 2,
            stderr: "error: `name` cannot be `My_App` (`the last part of My_App`)\n  hint: it wants a-z, 0-9 and `-`, a letter first, at most 40\n  hint: try `my-app`\n",
        },
        Refusal {
            files: &[],
            arguments: "new --set name=../../etc --yes",
            code: 2,
            stderr: "error: `name` cannot be `../../etc` (`--set name=../../etc`)\n  hint: it wants a-z, 0-9 and `-`, a letter first, at most 40\n  hint: try `etc`\n",
        },
        Refusal {
            files: &[ORGANISATION, EXTRA, ("acme/templates/extra/files/..\\..\\evil.tera", "")],
            arguments: "new demo --org acme --yes",
            code: 4,
            stderr: "error: the path `..\\..\\evil` has the character '\\\\'\n  hint: a generated file stands inside the project, under a name that every system accepts\n",
        },
        Refusal {
            files: &[
                ORGANISATION,
                EXTRA,
                ("acme/templates/extra/files/.Git/hooks/post-checkout.tera", "#!/bin/sh\n"),
            ],
            arguments: "new demo --org acme --yes",
            code: 4,
            stderr: "error: the path `.Git/hooks/post-checkout` lies in a `.git` folder\n  hint: a generated file stands inside the project, under a name that every system accepts\n",
        },
        Refusal {
            files: &[
                ORGANISATION,
                EXTRA,
                ("acme/templates/extra/files/NOTES.md.tera", "One\n«nmae»\n"),
            ],
            arguments: "new demo --org acme --yes",
            code: 4,
            stderr: "error: `extra/files/NOTES.md.tera` uses `nmae`, which is no question or fact\n  hint: did you mean `name`?\n  hint: declare it in a `pack.toml`, or correct the name\n",
        },
        Refusal {
            files: &[ORGANISATION],
            arguments: "new demo --org acme --set registry=docker.io/mine --yes",
            code: 6,
            stderr: "error: `registry` is locked to `registry.acme.example/agents` by `acme` (`acme/organisation.toml:4:12`), and the flag asks for `docker.io/mine` (`--set registry=docker.io/mine`)\n  hint: give a value that it admits; to have the limit changed, speak to the owners of the organisation's folder\n",
        },
        Refusal {
            files: &[],
            arguments: "new demo --org nowhere --yes",
            code: 2,
            stderr: "error: there is no folder `nowhere`\n  hint: correct the path\n",
        },
        Refusal {
            files: &[],
            arguments: "new demo --set port=9090 --yes",
            code: 2,
            stderr: "error: `port` and `admin_port` are both 9090\n  hint: give one of them another port\n",
        },
        Refusal {
            files: &[("mine.toml", "summary = \"mine\"\n[answers]\nowner = \"sre\"\n")],
            arguments: "new demo --preset mine.toml --set model_provider=google --yes",
            code: 2,
            stderr: "error: `model_name` has no value\n  hint: give it with `--set model_name=VALUE`: the provider's name of a model: letters, digits and `.`, `_`, `:`, `/`, `@`, `-`\n",
        },
        Refusal {
            files: &[],
            arguments: "new demo --set model_provider=openai --yes",
            code: 2,
            stderr: "error: `model_name` is `claude-sonnet-5-5`, and no model of `openai` has that name\n  hint: name one that the provider serves, with `--set model_name=NAME`\n",
        },
        Refusal {
            files: &[],
            arguments: "new demo --set model_provider=azure --set model_name=gpt --set model_base_url=http://x.example.com/v1 --yes",
            code: 2,
            stderr: "error: `model_base_url` cannot be `http://x.example.com/v1` (`--set model_base_url=http://x.example.com/v1`)\n  hint: it wants an https URL, or an http one of a Service in the cluster such as `http://gateway.models.svc.cluster.local/v1`\n",
        },
        Refusal {
            files: &[],
            arguments: "new demo --set gateway_sources=35.191.0.0/16,0.0.0.0/0 --yes",
            code: 2,
            stderr: "error: `gateway_sources` cannot be `35.191.0.0/16,0.0.0.0/0` (`--set gateway_sources=35.191.0.0/16,0.0.0.0/0`)\n  hint: it wants ranges of addresses such as `192.0.2.0/24`, each once and none of all addresses, with commas between\n",
        },
        Refusal {
            files: &[],
            arguments: "new demo --preset starter --set network_names=cilium --yes",
            code: 2,
            stderr: "error: `network_names` is `cilium`, and `model_provider` and `model_base_url` name no host outside the cluster that it could allow\n  hint: set `network_names` to `none`: nothing outside is open then, by address or by name\n",
        },
        Refusal {
            files: &[],
            arguments: "new demo --set datastore=none --yes",
            code: 2,
            stderr: "error: `replicas_min` is 3 and `datastore` is `none`: each replica would keep its own runs, sessions and budgets\n  hint: set `datastore` to `postgres`, or `replicas_min` to 1\n",
        },
        Refusal {
            files: &[],
            arguments: "new demo --set replicas_min=50 --yes",
            code: 2,
            stderr: "error: `replicas_max` is 10, and `replicas_min` is 50\n  hint: raise `replicas_max`, or set `autoscaling` to `none`\n",
        },
        Refusal {
            files: &[],
            arguments: "new demo --set exposure=ingress --yes",
            code: 2,
            stderr: "error: `exposure` is `ingress` and `gateway_class` is `envoy`, and Envoy Gateway serves no Ingress\n  hint: name the IngressClass of the cluster with `--set gateway_class=…`, and where its controller runs with `--set gateway_namespace=…`\n",
        },
        Refusal {
            files: &[],
            arguments: "new demo --set gateway_class=traefik --yes",
            code: 2,
            stderr: "error: `gateway_class` is `traefik`, and `gateway_namespace` does not tell where its proxies run: the network policies would keep them out\n  hint: set it with `--set gateway_namespace=…`; an automatic gateway that runs in the namespace of its Gateway cannot be used\n",
        },
        Refusal {
            files: &[],
            arguments: "new demo --set secret_store=azure --set secret_store_identity=a/b --yes",
            code: 2,
            stderr: "error: `secret_store` is `azure`, and `secret_store_url` is `https://vault.example.com:8200`, which is no Key Vault\n  hint: give its URL, such as `https://acme.vault.azure.net`\n",
        },
        Refusal {
            files: &[],
            arguments: "new demo --set cpu_request=9Gi --yes",
            code: 2,
            stderr: "error: `cpu_request` is 9Gi, and no node has that for one replica\n  hint: give it cores or thousandths of one, such as `1` or `250m`\n",
        },
        Refusal {
            files: &[],
            arguments: "new demo --set replicas_max=50 --yes",
            code: 2,
            stderr: "error: `datastore_max_connections` is 100, and 112 are needed: 2 for each of 50 replicas and of the 1 that a rollout adds (2 × 51 = 102), and 10 for migrations and administrators\n  hint: let the server take more connections, put a pooler before it, or lower `replicas_max`\n",
        },
        Refusal {
            files: &[],
            arguments: "new demo --set spot=true --set cloud=aws --set replicas_min=1 --yes",
            code: 2,
            stderr: "error: `spot` is `true` and `replicas_min` is 1: when the spot machines go, one pod is left, and the next drain takes it\n  hint: set `replicas_min` to 2 or more\n",
        },
        Refusal {
            files: &[],
            arguments: "new demo --set spot=true --yes",
            code: 2,
            stderr: "error: `spot` is `true` and `cloud` is `on-premises`, where machines are nobody's to take back\n  hint: set `cloud` to `aws`, `gcp` or `azure`, or `spot` to `false`\n",
        },
        Refusal {
            files: &[],
            arguments: "new demo --set spot=true --set cloud=aws --set autoscaling=none --yes",
            code: 2,
            stderr: "error: `spot` is `true` and `autoscaling` is `none`: spot machines carry what is above the minimum, and here nothing ever is\n  hint: set `autoscaling` to `hpa` or `both`, or `spot` to `false`\n",
        },
        Refusal {
            files: &[],
            arguments: "new demo --set secret_store=aws --set secret_store_region=eu-central-1 --yes",
            code: 2,
            stderr: "error: `secret_store` is `aws`, and `secret_store_identity` is `demo`, which is no role\n  hint: give the ARN of the role that may read the secrets, such as `arn:aws:iam::111122223333:role/agent`\n",
        },
        Refusal {
            files: &[],
            arguments: "new demo --set monthly_budget_usd=10 --yes",
            code: 2,
            stderr: "error: `daily_tenant_budget_usd` is 20, and all tenants together have 10 for a month\n  hint: lower it, or raise `monthly_budget_usd`\n",
        },
        Refusal {
            files: &[],
            arguments: "new demo --preset starter --set privacy=true --yes",
            code: 2,
            stderr: "error: `privacy` keeps content encrypted and erases it in time, and `datastore` is `none`, which keeps nothing\n  hint: set `datastore` to `postgres`, or `privacy` to `false`\n",
        },
        Refusal {
            files: &[],
            arguments: "new demo --preset production",
            code: 2,
            stderr: "error: there is no terminal to ask on\n  hint: add `--yes` to take what flags, files, the preset and the defaults say\n",
        },
        Refusal {
            files: &[],
            arguments: "new --yes",
            code: 2,
            stderr: "error: the project has no name\n  hint: give it a path, as in `seaworthy new PATH`, or a name with `--set name=NAME`\n",
        },
    ] {
        let world = World::new();
        refusal.files.iter().for_each(|(path, text)| world.write(path, text));
        let before = world.snapshot();
        let outcome = world.run(refusal.arguments);
        assert_eq!(outcome.stderr, refusal.stderr, "{}", refusal.arguments);
        assert_eq!(
            (outcome.code, outcome.stdout.as_str()),
            (refusal.code, ""),
            "{}",
            refusal.arguments
        );
        assert!(world.snapshot() == before, "{}: something was written", refusal.arguments);
    }
}

#[test]
fn a_symbolic_link_is_not_written_through() {
    let world = World::new();
    world.write("elsewhere/keep", "");
    std::os::unix::fs::symlink(world.path("elsewhere"), world.path("demo")).unwrap();
    assert_eq!(world.run("new demo --yes").code, 2);
    std::fs::remove_file(world.path("demo")).unwrap();
    std::fs::create_dir(world.path("demo")).unwrap();
    std::os::unix::fs::symlink(world.path("elsewhere"), world.path("demo/deploy")).unwrap();
    let outcome = world.run("new demo --yes --force");
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.contains("below something that is not a folder"), "{}", outcome.stderr);
    assert_eq!(std::fs::read_dir(world.path("elsewhere")).unwrap().count(), 1);
}

#[test]
fn an_organisation_may_not_link_out_of_its_folder() {
    let world = World::new();
    world.write("acme/organisation.toml", "name = \"acme\"\n");
    world.write("secret", "text");
    std::fs::create_dir_all(world.path("acme/templates/extra/files")).unwrap();
    std::os::unix::fs::symlink(
        world.path("secret"),
        world.path("acme/templates/extra/files/copy.tera"),
    )
    .unwrap();
    let outcome = world.run("new demo --org acme --yes");
    assert_eq!(outcome.code, 4);
    assert!(outcome.stderr.contains("is a symbolic link"), "{}", outcome.stderr);
    assert!(!world.path("demo").exists());
}
