//! The JSON Schema of an answers file.

use serde_json::{Map, Value as Json, json};

use super::question::{Question, Type};

/// The schema of an answers file for these questions: the answers at the top level or under
/// `answers`.
pub fn answers_schema(questions: &[Question]) -> Json {
    let properties: Map<String, Json> =
        questions.iter().map(|question| (question.key.clone(), property(question))).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Answers for seaworthy new",
        "$defs": { "answers": { "type": "object", "properties": properties, "additionalProperties": false } },
        "if": { "required": ["answers"] },
        "then": {
            "type": "object",
            "properties": { "answers": { "$ref": "#/$defs/answers" } },
            "additionalProperties": false,
        },
        "else": { "$ref": "#/$defs/answers" },
    })
}

fn property(question: &Question) -> Json {
    let choices: Vec<&str> = question.choice_values().collect();
    let label = json!({
        "type": "string",
        "pattern": "^[a-z]([-a-z0-9]*[a-z0-9])?$",
        "maxLength": question.max_length.unwrap_or(63),
    });
    let mut schema = match question.kind {
        Type::Text => json!({ "type": "string", "maxLength": question.max_length.unwrap_or(200) }),
        Type::Label => label,
        Type::Quantity => {
            json!({ "type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$" })
        }
        // The whole grammar of addresses is no pattern's business: `new` says what is wrong.
        Type::Cidrs => json!({
            "type": "array",
            "items": { "type": "string", "pattern": "^[0-9A-Fa-f.:]+/[1-9][0-9]{0,2}$" },
            "uniqueItems": true,
        }),
        Type::Int => json!({ "type": "integer" }),
        Type::Decimal => json!({ "type": "number" }),
        Type::Bool => json!({ "type": "boolean" }),
        Type::Choice => json!({ "enum": choices }),
        Type::List if choices.is_empty() => {
            json!({ "type": "array", "items": label, "minItems": 1, "uniqueItems": true })
        }
        Type::List => json!({ "type": "array", "items": { "enum": choices }, "uniqueItems": true }),
    };
    schema["title"] = json!(question.prompt);
    schema["description"] = json!(question.help);
    for (word, bound) in [("minimum", question.min), ("maximum", question.max)] {
        if let Some(bound) = bound {
            schema[word] = json!(bound);
        }
    }
    if let Some(default) = &question.default {
        schema["default"] = json!(default);
    }
    schema
}
