// Data inside of an HTML page, in script elements that no browser runs. What a recording holds is not
// trusted: nothing in it can end the element that it is in.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "viewer/output/text_buffer.h"

namespace trapline::viewer {

// As JSON of ASCII characters, without `<`, `>` and `&`: those stand in strings only, and there they are
// escaped. What is not UTF-8 becomes U+FFFD.
[[nodiscard]] std::string script_safe(const nlohmann::json& document);

// <script type="application/json" id="ID">. `id` is the program's own.
void embed_json(std::string_view id, const nlohmann::json& document, TextBuffer& out);

// <script type="application/octet-stream" data-timeline="N" data-part="PART">: gzip, as base64.
[[nodiscard]] Status embed_bytes(unsigned timeline, std::string_view part, std::string_view bytes,
                                 TextBuffer& out);

}  // namespace trapline::viewer
