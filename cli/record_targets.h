// Which VMs `trapline record` and `trapline top` take in, and whether they still run.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "tracer/discover/running_vms.h"
#include "tracer/recorder/recorder.h"

namespace trapline::cli {

struct TargetArguments {
  std::vector<pid_t> pids;
  std::vector<std::string> names;
  bool all = false;
  std::vector<std::string> command;
};

class RecordTargets {
 public:
  // Looks the processes up; the error says what was looked for (ExitStatus::machine_lacks), or that nothing
  // or too much was asked for (wrong_usage).
  static Result<RecordTargets> find(const TargetArguments& arguments);

  [[nodiscard]] tracer::RecorderOptions::Scope scope() const { return scope_; }
  // Tells the probes, which have a want_process() (tracer::Recorder, tracer::LiveProbes).
  template <typename Probes>
  [[nodiscard]] Status select(Probes& probes) const {
    for (const Process& process : processes_)
      TRAPLINE_TRY(probes.want_process(process.pid, true));
    return {};
  }

  // "every VM", "web (process 12)".
  [[nodiscard]] std::string text() const;

  // Of those that were named: whether all of them have ended. Never with --all or a command.
  [[nodiscard]] bool all_ended() const;

 private:
  struct Process {
    pid_t pid;
    std::string name;
    Fd handle;  // pidfd: another process cannot take its place
  };
  tracer::RecorderOptions::Scope scope_ = tracer::RecorderOptions::Scope::all;
  std::vector<Process> processes_;
};

// The VMs of this host, for `record --list`.
[[nodiscard]] Status print_running_vms(bool json);

}  // namespace trapline::cli
