// An endpoints file: whatever is taken makes endpoints that a node can be registered for.
#include "server/discovery/endpoints_file.h"

#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  eldr::DiscoveryConfig config;
  config.model = "m";
  config.model_label = "model";
  config.expert_group_label = "group";
  const auto file = eldr::ParseEndpointsFile(eldr::Text(data, size), "fuzz.yaml", config);
  if (!file.ok()) {
    eldr::CheckRefusal(file.status());
    return 0;
  }
  FUZZ_CHECK(file->reasons.size() <= eldr::EndpointsFile::kMostReasons);
  FUZZ_CHECK(file->reasons.size() <= file->refused);
  for (const auto& [id, endpoints] : file->endpoints) {
    FUZZ_CHECK(endpoints.size() == 1 && endpoints[0].node_id == id);
    FUZZ_CHECK(!id.empty() && id.size() <= 256);
    FUZZ_CHECK(!endpoints[0].model.empty());
    FUZZ_CHECK(!endpoints[0].address.empty() && endpoints[0].address.size() <= 512);
    FUZZ_CHECK(endpoints[0].expert_group.size() <= 256);
  }
  return 0;
}
