//! Where prompts may be cached.

use serde_json::Value;

use super::{malformed, of_model, unsupported};
use crate::family::Caching;
use crate::reply::Refusal;
use crate::request::Request;

/// The most cache points of a request.
const MOST: usize = 4;

/// Checks the cache points of a request, of which a family may have none.
pub(super) fn check(request: &Request) -> Result<(), Refusal> {
    let caching = request.family.caching;
    let in_tools = request.tool_list.iter().enumerate().filter_map(|(index, tool)| {
        let point = tool.get("cachePoint").filter(|point| !point.is_null())?;
        Some((index, point))
    });
    let in_tools: Vec<(usize, &Value)> = in_tools.collect();
    let blocks = request.messages.iter().flat_map(|message| &message.content);
    let in_blocks = request.system.iter().chain(blocks).filter(|block| block.kind == "cachePoint");
    let mut points: Vec<&Value> = in_tools.iter().map(|(_, point)| *point).collect();
    points.extend(in_blocks.map(|block| &block.value));
    if points.is_empty() {
        return Ok(());
    }
    if caching == Caching::Nothing {
        return Err(unsupported("cachePoint"));
    }
    if let (Caching::Messages, Some((index, _))) = (caching, in_tools.first()) {
        return Err(malformed(
            &format!("#/toolConfig/tools/{index}"),
            "extraneous key [cachePoint] is not permitted",
        ));
    }
    let hour = points.iter().any(|point| point.get("ttl").and_then(Value::as_str) == Some("1h"));
    if hour && caching != Caching::AllForAnHour {
        return Err(unsupported("cachePoint.ttl"));
    }
    if points.len() > MOST {
        return Err(of_model(&format!(
            "A maximum of {MOST} blocks with cache_control may be provided. Found {}.",
            points.len()
        )));
    }
    Ok(())
}
