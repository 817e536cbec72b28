#include "tests/server/state/state_process.h"

#include <algorithm>
#include <bit>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace eldr {

namespace fs = std::filesystem;

std::string NewFolder() {
  static std::vector<std::unique_ptr<TempDir>> folders;
  folders.push_back(std::make_unique<TempDir>());
  return *folders.back() / "state";
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

std::string CopyAsKilled(const std::string& folder) {
  std::string copy = NewFolder();
  fs::copy(folder, copy, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  return copy;
}

Process::Process(const std::string& folder, const Options& options)
    : log_(LogConfig{}, clock_, options.log) {
  StateConfig config;
  config.directory = folder;
  config.sync = options.sync;
  auto opened = StateStore::Open(config, clock_, log_, registry_, *options.files);
  status_ = opened.status();
  if (!opened.ok()) return;
  store_ = *std::move(opened);
  observers_.Add(*store_);
  if (options.also != nullptr) observers_.Add(*options.also);
  router_ = Router::Create(options.router, clock_, observers_).value();
  EXPECT_THAT(router_->DeclareModel({kModel, options.geometry, {}}), IsOk());
  store_->Restore(*router_, [&](const ModelRecord& record) {
    return router_->RedeclareModel({record.name, record.geometry, {}}).status();
  });
  while (store_->restoring()) store_->Step();
}

Process::~Process() {
  if (store_ != nullptr) store_->Close();
}

void Process::Write() {
  clock_.Advance(absl::Seconds(1));
  store_->Step();
}

void Process::Register(const std::string& id, std::uint64_t incarnation) {
  NodeSpec spec;
  spec.node_id = id;
  spec.model = kModel;
  spec.address = "a:1";
  spec.incarnation = incarnation;
  spec.heartbeat_interval = absl::Seconds(1);
  ASSERT_THAT(router_->RegisterNode(spec), IsOk());
  Beat(id);
}

HeartbeatResult Process::Beat(const std::string& id) {
  NodeReport report;
  report.node_id = id;
  return router_->Heartbeat(report).value_or(HeartbeatResult{NodeState::kLost, false, 0, false});
}

absl::StatusOr<Placement> Process::Place(const std::string& id) {
  PlacementQuery query;
  query.model = kModel;
  query.request_id = id;
  return router_->Place(query);
}

void Process::Release(const std::string& id) {
  EXPECT_THAT(router_->Release({{kModel, id, 0}, {}, {}}), IsOk());
}

std::vector<std::string> Process::Requests() const {
  std::vector<std::string> ids;
  const ModelRecord model = router_->CopyModel(kModel).value();
  for (const LeaseRecord& lease : model.leases) ids.push_back(lease.request_id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

double Process::Metric(const std::string& name, const std::string& label) const {
  for (const auto& family : registry_.Collect()) {
    if (family.name != name) continue;
    for (const auto& metric : family.metric) {
      if (label.empty() || (!metric.label.empty() && metric.label[0].value == label)) {
        return metric.counter.value + metric.gauge.value;
      }
    }
  }
  return -1;
}

std::string ObserveBooks(const Router& router) {
  std::string seen;
  ModelRecord model = router.CopyModel(kModel).value();
  std::sort(model.leases.begin(), model.leases.end(),
            [](const LeaseRecord& a, const LeaseRecord& b) { return a.id < b.id; });
  for (const LeaseRecord& lease : model.leases) {
    absl::StrAppend(&seen, "lease ", lease.id, " ", lease.request_id, " ", lease.node_id, " ",
                    lease.sequences, " ", lease.kv_tokens, " ", lease.learned, " ",
                    static_cast<int>(lease.quality), " ", lease.signature_coverage, " ",
                    lease.signature_tokens, " ", lease.whole_prompt, " ", lease.appended, " ",
                    absl::FormatDuration(lease.ttl));
    const auto contribution = router.CopyContributions(kModel, {lease.request_id}).value();
    for (const std::uint8_t code : contribution.at(0).codes) absl::StrAppend(&seen, " ", code);
    absl::StrAppend(&seen, "\n");
  }
  const auto nodes = router.ListNodes("");
  for (const NodeStatus& node : *nodes) {
    // A view of the silence at the moment, which no file keeps.
    const NodeState state = node.state == NodeState::kLostInPanic ? NodeState::kReady : node.state;
    absl::StrAppend(&seen, "node ", node.spec.node_id, " ", node.spec.incarnation, " ", Name(state),
                    " ", node.draining, " ", node.leases, " ", node.kv_tokens, "\n");
    const auto residency = router.GetResidency(node.spec.node_id);
    for (const float chance : residency->activation) {
      absl::StrAppend(&seen, absl::Hex(std::bit_cast<std::uint32_t>(chance)), " ");
    }
  }
  return seen;
}

std::string Observe(const Router& router) {
  std::string seen = ObserveBooks(router);
  LearnedVersions versions;
  const LearnedRecord learned = router.CopyLearned(kModel, versions).value();
  absl::StrAppend(&seen, "\nlearned ", learned.prior.requests);
  for (const float chance : learned.prior.activation) {
    absl::StrAppend(&seen, " ", absl::Hex(std::bit_cast<std::uint32_t>(chance)));
  }
  return seen;
}

}  // namespace eldr
