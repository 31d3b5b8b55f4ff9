// Whether a raw tracepoint passes what a program takes its arguments for: nobody else checks them.
#pragma once

#include <string_view>

#include "tracer/recorder/kernel_btf.h"

namespace trapline::tracer {

// `arguments`: each by its size in bytes, 'v' for a struct kvm_vcpu*. Further ones may follow.
[[nodiscard]] bool tracepoint_takes(const KernelBtf& btf, std::string_view tracepoint,
                                    std::string_view arguments);

}  // namespace trapline::tracer
