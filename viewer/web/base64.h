// Bytes as text that survives mail and editors: base64 (RFC 4648, with padding).
#pragma once

#include <string>
#include <string_view>

namespace trapline::viewer {

[[nodiscard]] std::string base64(std::string_view bytes);

}  // namespace trapline::viewer
