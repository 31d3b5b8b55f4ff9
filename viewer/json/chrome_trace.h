// A timeline as Chrome Trace Event JSON, for ui.perfetto.dev and every other viewer of that format.
#pragma once

#include "base/result.h"
#include "tracer/recording/reader.h"
#include "tracer/timeline/timeline.h"
#include "viewer/json/json_stream.h"

namespace trapline::viewer {

// One process for the VM, and for each vCPU a thread ("lane") each of states, exits, VMM, injections, guest
// ISRs and workload events. What the VMM does step by step lies within its slice of the exit. Slices of a
// lane nest or follow one another, they never overlap in part: Perfetto drops those. Times count from the
// timeline's begin (doubles of absolute times lose nanoseconds); the origin stands as a decimal string in
// `otherData`. Flow arrows lead from an injection to its ISR.
[[nodiscard]] Status write_chrome_trace(const tracer::Timeline& timeline,
                                        const recording::RecordingInfo& info, TextSink& sink);

}  // namespace trapline::viewer
