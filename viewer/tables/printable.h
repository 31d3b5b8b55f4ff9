// Text from a guest or a recording, made fit for a terminal: neither is trusted with control sequences.
#pragma once

#include <string>
#include <string_view>

namespace trapline::viewer {

// Every byte that is not printable ASCII becomes a dot.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace trapline::viewer
