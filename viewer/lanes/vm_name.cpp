#include "viewer/lanes/vm_name.h"

#include <fmt/format.h>

namespace trapline::viewer {

std::string vm_name(const recording::RecordingInfo& info, const tracer::RecordedVms& machines,
                    std::uint16_t vm) {
  const recording::Vm* known = machines.find(vm);
  std::string name = "VM";
  if (known != nullptr && !known->name.empty()) {
    name += " " + known->name;
  } else if (!info.path.empty()) {
    name += " " + info.path;
  } else if (machines.several()) {
    name += fmt::format(" {}", vm);
  }
  if (info.time_kind != recording::TimeKind::real)
    name += fmt::format(" ({} time)", recording::time_kind_name(info.time_kind));
  return name;
}

}  // namespace trapline::viewer
