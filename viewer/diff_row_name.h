// What a row of a diff is about, in words: the same in tables, in JSON and for --fail-on.
#pragma once

#include <string>
#include <vector>

#include "analysis/diff.h"

namespace trapline::viewer {

// "exit io port 0x3f8 out 1", "async exit interrupt", "interrupt 0x40 timer", "latency 0x40 timer
// raised-ISR", "state halted"; of one vCPU only: "vCPU 1 exit hlt". Printable.
[[nodiscard]] std::string diff_row_name(const analysis::RowKey& key);
[[nodiscard]] std::vector<std::string> diff_row_names(const analysis::Diff& diff);

}  // namespace trapline::viewer
