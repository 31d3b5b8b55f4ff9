// The recording's metadata: TSDL text (CTF 1.8), generated from the schema, and read back.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "tracer/recording/info.h"

namespace trapline::recording {

[[nodiscard]] std::string make_metadata(const RecordingInfo& info, const Uuid& uuid);

// The string as a TSDL string literal, quotes included; bytes that are not printable ASCII become escapes.
// Ends at the first NUL.
[[nodiscard]] std::string tsdl_literal(std::string_view text);

struct Metadata {
  int format = 0;
  RecordingInfo info;
  Uuid uuid{};
};

// Whether this is the metadata of a recording of ours, of whatever version.
[[nodiscard]] bool is_our_metadata(std::string_view text);

// Reads what make_metadata wrote. The layout itself is fixed by the format version, which is checked; lines
// of the `env` block that this version does not know are passed over. `name` is the file as errors call it.
[[nodiscard]] Result<Metadata> parse_metadata(std::string_view text, std::string_view name);

}  // namespace trapline::recording
