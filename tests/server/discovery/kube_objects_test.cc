#include "server/discovery/kube_objects.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr char kPod[] = R"({
  "kind": "Pod", "apiVersion": "v1",
  "metadata": {"name": "decode-0", "namespace": "default", "uid": "5f9c", "resourceVersion": "42",
    "labels": {"app": "vllm", "llm-d.ai/role": "decode"},
    "ownerReferences": [{"name": "other", "uid": "wrong", "kind": "ReplicaSet"}],
    "managedFields": [{"fieldsV1": {"f:status": {"f:podIP": {}}}}]},
  "spec": {"containers": [{"name": "engine", "env": [{"name": "podIP", "value": "1.1.1.1"}]}]},
  "status": {"phase": "Running", "podIP": "10.0.0.7", "podIPs": [{"ip": "10.0.0.8"}],
    "conditions": [{"type": "PodScheduled", "status": "True"},
                   {"status": "True", "type": "Ready"},
                   {"type": "ContainersReady", "status": "False"}],
    "containerStatuses": [{"name": "engine", "ready": false}]}})";

TEST(KubeObjectsTest, ReadsAPageOfPods) {
  const auto page = ParsePodPage(
      absl::StrCat(R"({"kind": "PodList", "metadata": {"resourceVersion": "99", "continue": "t"},
                      "items": [)",
                   kPod, R"(, {"metadata": {"name": "b", "deletionTimestamp": "2026-01-01"}},
                              {"metadata": {"name": "c", "deletionTimestamp": null}}]})"),
      10);
  ASSERT_THAT(page, IsOk());
  EXPECT_EQ(page->resource_version, "99");
  EXPECT_EQ(page->next, "t");
  ASSERT_THAT(page->pods, SizeIs(3));
  const Pod& pod = page->pods[0];
  EXPECT_EQ(pod.name, "decode-0");
  EXPECT_EQ(pod.uid, "5f9c");
  EXPECT_EQ(pod.resource_version, "42");
  EXPECT_EQ(pod.ip, "10.0.0.7");
  EXPECT_THAT(pod.labels, ElementsAre(Pair("app", "vllm"), Pair("llm-d.ai/role", "decode")));
  EXPECT_TRUE(pod.ready);
  EXPECT_FALSE(pod.ending);
  EXPECT_TRUE(pod.is_live());
  EXPECT_TRUE(page->pods[1].ending);
  EXPECT_FALSE(page->pods[1].ready) << "what one pod says is not the next one's";
  EXPECT_FALSE(page->pods[1].is_live()) << "it has no address";
  EXPECT_THAT(page->pods[1].labels, IsEmpty());
  EXPECT_FALSE(page->pods[2].ending);
}

TEST(KubeObjectsTest, AnEmptyListIsAList) {
  const auto page = ParsePodPage(R"({"metadata": {"resourceVersion": "1"}, "items": []})", 1);
  ASSERT_THAT(page, IsOk());
  EXPECT_THAT(page->pods, IsEmpty());
  EXPECT_EQ(page->next, "");
}

TEST(KubeObjectsTest, RefusesWhatIsNoList) {
  for (const char* const body :
       {"", "[]", "{}", "{\"items\": []}", "{\"metadata\": {\"resourceVersion\": \"1\"}}",
        R"({"kind": "Status", "code": 500, "metadata": {}})",
        R"({"metadata": {"resourceVersion": "1"}, "items": [)",
        R"({"metadata": {"resourceVersion": "1"}, "items": {}})"}) {
    EXPECT_THAT(ParsePodPage(body, 10),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("expected ")))
        << body;
  }
}

TEST(KubeObjectsTest, RefusesMorePodsThanThereMayBe) {
  const std::string body = R"({"metadata": {"resourceVersion": "1"},
                               "items": [{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}]})";
  EXPECT_THAT(ParsePodPage(body, 2), IsOk());
  EXPECT_THAT(ParsePodPage(body, 1), StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(KubeObjectsTest, ReadsEvents) {
  const auto added = ParsePodEvent(absl::StrCat(R"({"type": "ADDED", "object": )", kPod, "}"));
  ASSERT_THAT(added, IsOk());
  EXPECT_EQ(added->type, "ADDED");
  EXPECT_EQ(added->pod.name, "decode-0");
  EXPECT_TRUE(added->pod.ready);
  // The order of keys is nobody's promise.
  const auto deleted =
      ParsePodEvent(absl::StrCat(R"({"object": )", kPod, R"(, "type": "DELETED"})"));
  ASSERT_THAT(deleted, IsOk());
  EXPECT_EQ(deleted->type, "DELETED");
  EXPECT_EQ(deleted->pod.ip, "10.0.0.7");
  const auto bookmark =
      ParsePodEvent(R"({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "7"}}})");
  ASSERT_THAT(bookmark, IsOk());
  EXPECT_EQ(bookmark->pod.resource_version, "7");
  const auto error = ParsePodEvent(
      R"({"type": "ERROR", "object": {"kind": "Status", "message": "too old", "code": 410}})");
  ASSERT_THAT(error, IsOk());
  EXPECT_EQ(error->code, 410);
  EXPECT_EQ(error->message, "too old");
}

TEST(KubeObjectsTest, RefusesWhatIsNoEvent) {
  for (const char* const line :
       {"", "{}", "x", "{\"type\": \"ADDED\"}",
        R"({"type": "ADDED", "object": {"metadata": {"name": "a"}}})",
        R"({"type": "MODIFIED", "object": {"metadata": {"resourceVersion": "1"}}})",
        R"({"type": "BOOKMARK", "object": {"metadata": {}}})",
        R"({"type": "ADDED", "object": {"metadata": {"name": "a", "resourceVersion": "1"}})"}) {
    EXPECT_THAT(ParsePodEvent(line), StatusIs(absl::StatusCode::kInvalidArgument)) << line;
  }
}

TEST(KubeObjectsTest, ReadsAPool) {
  const auto pool = ParseInferencePool(R"({"kind": "InferencePool",
    "spec": {"selector": {"matchLabels": {"app": "vllm", "zone": "a"}},
             "targetPorts": [{"number": 8000}, {"number": 8001}],
             "endpointPickerRef": {"name": "eldrd", "port": {"number": 9002}}}})");
  ASSERT_THAT(pool, IsOk());
  EXPECT_EQ(pool->selector, "app=vllm,zone=a");
  EXPECT_THAT(pool->ports, ElementsAre(8000, 8001));
}

TEST(KubeObjectsTest, RefusesAPoolThatSelectsNothingOrHasNoPort) {
  const auto pool = [](const char* labels, const char* ports) {
    return ParseInferencePool(absl::StrCat(R"({"spec": {"selector": {"matchLabels": {)", labels,
                                           R"(}}, "targetPorts": [)", ports, "]}}"));
  };
  EXPECT_THAT(pool("\"a\": \"b\"", "{\"number\": 1}"), IsOk());
  EXPECT_THAT(pool("", "{\"number\": 1}"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("spec.selector.matchLabels")));
  for (const char* const ports :
       {"", "{\"number\": 0}", "{\"number\": 65536}", "{\"number\": \"x\"}", "{\"number\": -1}",
        R"({"number": 1}, {"number": 2}, {"number": 3}, {"number": 4}, {"number": 5},
           {"number": 6}, {"number": 7}, {"number": 8}, {"number": 9})"}) {
    EXPECT_THAT(pool("\"a\": \"b\"", ports),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("spec.targetPorts")))
        << ports;
  }
}

TEST(KubeObjectsTest, NamesStandInUrlsAsTheyAre) {
  EXPECT_TRUE(IsKubeName("decode-0.example"));
  for (const char* const name : {"", "a/b", "a b", "..%2f", "a?b", "a\nb"}) {
    EXPECT_FALSE(IsKubeName(name)) << name;
  }
  EXPECT_EQ(KubeMessage(R"({"message": "why"})"), "why");
  EXPECT_EQ(KubeMessage("<html>"), "");
}

}  // namespace
}  // namespace eldr
