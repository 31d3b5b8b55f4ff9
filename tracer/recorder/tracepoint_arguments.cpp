#include "tracer/recorder/tracepoint_arguments.h"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>

namespace trapline::tracer {
namespace {

bool is_vcpu_pointer(const btf* types, const btf_type* type) {
  const btf_type* to = btf_is_ptr(type) ? KernelBtf::plain(types, type->type) : nullptr;
  return to != nullptr && std::string_view(btf__name_by_offset(types, to->name_off)) == "kvm_vcpu";
}

}  // namespace

// The kernel's build leaves a typedef btf_trace_<name> for every tracepoint: a pointer to a function that
// takes the arguments after a void*.
bool tracepoint_takes(const KernelBtf& btf, std::string_view tracepoint, std::string_view arguments) {
  const auto found = btf.find(fmt::format("btf_trace_{}", tracepoint), BTF_KIND_TYPEDEF);
  if (!found) return false;
  const btf_type* pointer = KernelBtf::plain(found->types, found->type->type);
  const btf_type* function =
      pointer != nullptr && btf_is_ptr(pointer) ? KernelBtf::plain(found->types, pointer->type) : nullptr;
  if (function == nullptr || !btf_is_func_proto(function) || btf_vlen(function) < arguments.size() + 1)
    return false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const btf_type* type = KernelBtf::plain(found->types, btf_params(function)[i + 1].type);
    if (type == nullptr) return false;
    if (arguments[i] == 'v') {
      if (!is_vcpu_pointer(found->types, type)) return false;
      continue;
    }
    const std::uint32_t size = btf_is_ptr(type) ? 8 : type->size;
    if (size != static_cast<std::uint32_t>(arguments[i] - '0')) return false;
  }
  return true;
}

}  // namespace trapline::tracer
