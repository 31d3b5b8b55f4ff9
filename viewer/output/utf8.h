// Text of unknown origin, made fit for formats that are UTF-8.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace trapline::viewer {

// The length of the well-formed UTF-8 sequence at the beginning of `text` (RFC 3629), 0 where there is none.
// `text` is not empty.
[[nodiscard]] std::size_t utf8_sequence(std::string_view text);

// Each byte that belongs to no well-formed sequence becomes U+FFFD.
[[nodiscard]] std::string well_formed(std::string_view text);

}  // namespace trapline::viewer
