#include "viewer/diff_row_name.h"

#include <fmt/format.h>

#include "analysis/interrupts.h"
#include "viewer/tables/printable.h"
#include "viewer/vector_label.h"

namespace trapline::viewer {
namespace {

using analysis::RowKey;
using analysis::RowKind;

std::string subject(const RowKey& key) {
  switch (key.kind) {
    case RowKind::exit:
      return key.reason + (key.key.empty() ? "" : " " + key.key);
    case RowKind::state:
      return std::string(tracer::state_name(key.state));
    case RowKind::interrupt:
    case RowKind::latency:
      break;
  }
  std::string text = fmt::format("{} {}", vector_label(key.vector), tracer::source_name(key.source));
  if (key.kind == RowKind::latency) text += fmt::format(" {}", analysis::kStretches[key.stretch].title);
  return text;
}

}  // namespace

std::string diff_row_name(const RowKey& key) {
  const bool async = key.kind == RowKind::exit && key.cause == tracer::Cause::async;
  return printable(fmt::format("{}{}{} {}", key.vcpu ? fmt::format("vCPU {} ", *key.vcpu) : "",
                               async ? "async " : "", analysis::row_kind_name(key.kind), subject(key)));
}

std::vector<std::string> diff_row_names(const analysis::Diff& diff) {
  std::vector<std::string> names;
  names.reserve(diff.rows.size());
  for (const analysis::DiffRow& row : diff.rows)
    names.push_back(diff_row_name(row.key));
  return names;
}

}  // namespace trapline::viewer
