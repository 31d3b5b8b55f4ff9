#include "cli/record_targets.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "viewer/tables/printable.h"
#include "viewer/tables/table.h"

namespace trapline::cli {
namespace {

using Scope = tracer::RecorderOptions::Scope;
using tracer::VmProcess;
using viewer::Align;
using viewer::printable;

std::string thread_list(const VmProcess& process) {
  std::string text;
  for (const auto& vcpu : process.vcpus) {
    text += text.empty() ? "" : " ";
    text += vcpu.tid == 0 ? fmt::format("{}", vcpu.vcpu_id) : fmt::format("{}:{}", vcpu.vcpu_id, vcpu.tid);
  }
  return text;
}

void print_as_json(const tracer::RunningVms& running) {
  nlohmann::json rows = nlohmann::json::array();
  for (const VmProcess& process : running.processes) {
    nlohmann::json vcpus = nlohmann::json::array();
    for (const auto& vcpu : process.vcpus)
      vcpus.push_back(
          {{"vcpu", vcpu.vcpu_id}, {"tid", vcpu.tid == 0 ? nlohmann::json() : nlohmann::json(vcpu.tid)}});
    rows.push_back({{"pid", process.pid},
                    {"name", process.name.text},
                    {"named_by", recording::vm_named_by(process.name.by)},
                    {"program", process.program},
                    {"vms", process.vms},
                    {"vcpus", vcpus}});
  }
  const nlohmann::json document = {
      {"schema", "trapline.vms/1"}, {"processes", rows}, {"not_permitted", running.not_permitted}};
  fmt::print("{}\n", document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace

Result<RecordTargets> RecordTargets::find(const TargetArguments& arguments) {
  const bool named = !arguments.pids.empty() || !arguments.names.empty();
  if (!named && !arguments.all && arguments.command.empty()) {
    return fail("nothing says which VMs to record",
                "give -p PID, --vm NAME, --all, or -- COMMAND; --list shows what runs",
                ExitStatus::wrong_usage);
  }
  if (named && (arguments.all || !arguments.command.empty())) {
    return fail("-p and --vm name single VMs; --all and -- COMMAND take in others too",
                "give one or the other", ExitStatus::wrong_usage);
  }
  RecordTargets targets;
  targets.scope_ = arguments.all ? Scope::all : named ? Scope::processes : Scope::processes_and_children;
  std::vector<VmProcess> found;
  for (const pid_t pid : arguments.pids) {
    TRAPLINE_ASSIGN(process, tracer::find_vm_of_process(pid));
    found.push_back(std::move(process));
  }
  for (const std::string& name : arguments.names) {
    TRAPLINE_ASSIGN(process, tracer::find_vm_of_name(name));
    found.push_back(std::move(process));
  }
  for (const VmProcess& process : found) {
    Fd handle(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
    if (!handle) return fail(system_error("hold on to", fmt::format("process {}", process.pid), errno));
    targets.processes_.push_back({process.pid, process.name.text, std::move(handle)});
  }
  return targets;
}

std::string RecordTargets::text() const {
  std::string text;
  for (const Process& process : processes_)
    text += fmt::format("{}{} (process {})", text.empty() ? "" : ", ", printable(process.name), process.pid);
  return text.empty() ? "every VM" : text;
}

bool RecordTargets::all_ended() const {
  return !processes_.empty() && std::ranges::all_of(processes_, [](const Process& process) {
    pollfd handle{process.handle.get(), POLLIN, 0};
    return ::poll(&handle, 1, 0) == 1;
  });
}

Status print_running_vms(bool json) {
  TRAPLINE_ASSIGN(running, tracer::find_running_vms());
  if (json) {
    print_as_json(running);
    return {};
  }
  viewer::Table table({{"pid"},
                       {"name", Align::left},
                       {"named by", Align::left},
                       {"VMs"},
                       {"vCPUs"},
                       {"program", Align::left},
                       {"vCPU:thread", Align::left}});
  for (const VmProcess& process : running.processes) {
    table.add({fmt::format("{}", process.pid), printable(process.name.text),
               std::string(recording::vm_named_by(process.name.by)), fmt::format("{}", process.vms),
               fmt::format("{}", process.vcpus.size()), printable(process.program), thread_list(process)});
  }
  fmt::print("{}", table.empty() ? "no VM runs on this host\n" : table.text("VMs of this host"));
  if (running.not_permitted != 0) {
    fmt::print("{} of {} processes could not be looked at: that takes root or CAP_SYS_PTRACE\n",
               running.not_permitted, running.processes_seen);
  }
  return {};
}

}  // namespace trapline::cli
