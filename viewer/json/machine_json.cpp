#include "viewer/json/machine_json.h"

namespace trapline::viewer {

nlohmann::json machine_json(const recording::RecordingInfo& info) {
  return {{"trapline", info.trapline_version},
          {"host", info.hostname},
          {"kernel", info.kernel_release},
          {"cpu", info.cpu_model},
          {"isa", recording::isa_name(info.isa)},
          {"command_line", info.command_line},
          {"probes", info.mode}};
}

nlohmann::json vms_json(const tracer::RecordedVms& machines) {
  nlohmann::json rows = nlohmann::json::array();
  for (const recording::Vm& vm : machines.vms) {
    rows.push_back({{"vm", vm.vm},
                    {"pid", vm.pid},
                    {"name", vm.name},
                    {"named_by", recording::vm_named_by(vm.named_by)}});
  }
  return rows;
}

}  // namespace trapline::viewer
