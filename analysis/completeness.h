// Whether a recording is whole: what was lost, what was cut off, how it ended. First thing in every view.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tracer/recording/reader.h"

namespace trapline::analysis {

struct Completeness {
  std::uint64_t records_lost = 0;      // of every kind, guest stamps included
  std::uint64_t unattributed = 0;      // interrupts raised in kernel threads: of which VM cannot be told
  std::uint64_t filtered = 0;          // exits that the recording's own filter left out: not lost
  std::vector<std::string> cut_files;  // whose last packet was not written whole
  std::string ended;                   // "finished", "stopped", "guest crashed", "cut off: ..."
};

[[nodiscard]] Completeness completeness_of(const recording::RecordingReader& reader);

}  // namespace trapline::analysis
