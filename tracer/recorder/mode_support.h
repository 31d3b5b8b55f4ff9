// Whether each mode of the probes works on a kernel, with which rights; if not, why and what helps.
#pragma once

#include "base/result.h"
#include "tracer/recorder/kernel_support.h"

namespace trapline::tracer {

// With the rights of this process, or as root: what root would still have to do (load a module, mount
// tracefs) is missing all the same.
enum class Rights : std::uint8_t { own, root };

// The modes that exist for a vendor, the one that records most first.
[[nodiscard]] std::vector<ProbeMode> modes_of(Isa isa);

// The error says what is missing, and the remedy.
[[nodiscard]] Status check_mode(const KernelSupport& kernel, ProbeMode mode, Rights rights = Rights::own);

// Whether any mode works with the rights of this process.
[[nodiscard]] Status check_recording_possible(const KernelSupport& kernel);

}  // namespace trapline::tracer
