#include "core/profile/profile_file.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/base/file_system.h"
#include "core/base/status_macros.h"

namespace eldr {
namespace {

using Json = nlohmann::ordered_json;

// The keys that are parts of a Profile, or refused.
constexpr std::array kOwnKeys = {"L",          "e",        "variant",           "k",
                                 "layer_mask", "sig_idf",  "centroids",         "micro_centroids",
                                 "sig_dtype",  "sig_mean", "sig_per_layer_norm"};

template <typename... Parts>
absl::Status Invalid(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

// The value of a key; nullptr if it is absent or null, which means the same.
const Json* Find(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

// A value in an error, cut short.
std::string Shown(const Json& value) {
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > 40) text = text.substr(0, 40) + "...";
  return text;
}

absl::StatusOr<std::uint32_t> ToInteger(absl::string_view key, const Json& value) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  if (value.is_number_unsigned() && value.get<std::uint64_t>() <= kMost) {
    return static_cast<std::uint32_t>(value.get<std::uint64_t>());
  }
  return Invalid(key, ": got ", Shown(value), ", expected a whole number of at least 0");
}

absl::StatusOr<std::uint32_t> Integer(const Json& object, const char* key) {
  const Json* value = Find(object, key);
  if (value == nullptr) return Invalid(key, ": not given, expected a whole number of at least 1");
  return ToInteger(key, *value);
}

absl::StatusOr<std::vector<float>> Numbers(absl::string_view key, const Json& list) {
  if (!list.is_array()) return Invalid(key, ": got ", Shown(list), ", expected a list of numbers");
  std::vector<float> numbers;
  numbers.reserve(list.size());
  for (const Json& value : list) {
    const float number =
        value.is_number() ? value.get<float>() : std::numeric_limits<float>::quiet_NaN();
    if (!std::isfinite(number)) {
      return Invalid(key, "[", numbers.size(), "]: got ", Shown(value),
                     ", expected a finite number");
    }
    numbers.push_back(number);
  }
  return numbers;
}

absl::Status ReadVariant(const Json& object, SignatureTransform& transform) {
  for (const char* key : {"sig_mean", "sig_per_layer_norm"}) {
    const Json* value = Find(object, key);
    if (value != nullptr && *value != false) {
      return Invalid(key, ": got ", Shown(*value), ", expected no such key: not supported");
    }
  }
  if (const Json* name = Find(object, "variant")) {
    const auto variant = name->is_string()
                             ? ParseSignatureVariant(name->get_ref<const std::string&>())
                             : std::nullopt;
    if (!variant) {
      return Invalid("variant: got ", Shown(*name), ", expected count, count_idf or gate_prob_all");
    }
    transform.variant = *variant;
  }
  const char* expected = transform.variant == SignatureVariant::kGateProbAll ? "<f4" : "<i2";
  const Json* dtype = Find(object, "sig_dtype");
  // A file that does not say means integers.
  if ((dtype != nullptr && *dtype != expected) ||
      (dtype == nullptr && transform.variant == SignatureVariant::kGateProbAll)) {
    return Invalid("sig_dtype: ", dtype == nullptr ? "not given" : "got " + Shown(*dtype),
                   ", expected \"", expected, "\" with the variant ", Name(transform.variant));
  }
  return absl::OkStatus();
}

absl::Status ReadMask(const Json& object, SignatureTransform& transform) {
  const Json* list = Find(object, "layer_mask");
  if (list == nullptr) {
    if (transform.variant == SignatureVariant::kCount) return absl::OkStatus();
    return Invalid("layer_mask: not given, expected a list of layers with the variant ",
                   Name(transform.variant));
  }
  if (!list->is_array()) {
    return Invalid("layer_mask: got ", Shown(*list), ", expected a list of layers");
  }
  transform.layer_mask.clear();
  for (const Json& value : *list) {
    const std::string key = absl::StrCat("layer_mask[", transform.layer_mask.size(), "]");
    ELDR_ASSIGN_OR_RETURN(const std::uint32_t layer, ToInteger(key, value));
    transform.layer_mask.push_back(layer);
  }
  return absl::OkStatus();
}

// Sets `key` to the name they go by.
absl::Status ReadCentroids(const Json& object, const char*& key, VectorSet& centroids) {
  key = "centroids";
  const Json* list = Find(object, key);
  const Json* alias = Find(object, "micro_centroids");
  if (list != nullptr && alias != nullptr && *list != *alias) {
    return Invalid("micro_centroids: differs from centroids, expected one of the two");
  }
  if (list == nullptr) {
    key = "micro_centroids";
    list = alias;
  }
  if (list == nullptr) return Invalid("centroids: not given, expected a list of rows");
  if (!list->is_array()) return Invalid(key, ": got ", Shown(*list), ", expected a list of rows");
  for (const Json& row : *list) {
    const std::string name = absl::StrCat(key, "[", centroids.size(), "]");
    ELDR_ASSIGN_OR_RETURN(const std::vector<float> numbers, Numbers(name, row));
    if (!centroids.empty() && numbers.size() != centroids.dimension()) {
      return Invalid(name, ": got ", numbers.size(), " numbers, expected ", centroids.dimension(),
                     " as in the rows before");
    }
    centroids.Add(numbers);
  }
  const Json* count = Find(object, "k");
  if (count == nullptr) return absl::OkStatus();
  ELDR_ASSIGN_OR_RETURN(const std::uint32_t k, ToInteger("k", *count));
  if (k != centroids.size()) {
    return Invalid("k: got ", k, ", expected ", centroids.size(), " (the rows of ", key, ")");
  }
  return absl::OkStatus();
}

absl::StatusOr<Profile> FromJson(const Json& object) {
  if (!object.is_object()) {
    return Invalid("profile: got ", Shown(object), ", expected a JSON object");
  }
  // Bounded before anything of that size is made.
  constexpr std::uint32_t kMost = 1u << 16;
  ELDR_ASSIGN_OR_RETURN(const std::uint32_t layers, Integer(object, "L"));
  if (layers > kMost) return Invalid("L: got ", layers, ", expected at most ", kMost);
  ELDR_ASSIGN_OR_RETURN(const std::uint32_t experts, Integer(object, "e"));
  Profile profile;
  profile.transform = CountTransform(layers, experts);
  ELDR_RETURN_IF_ERROR(ReadVariant(object, profile.transform));
  ELDR_RETURN_IF_ERROR(ReadMask(object, profile.transform));
  if (const Json* idf = Find(object, "sig_idf")) {
    ELDR_ASSIGN_OR_RETURN(profile.transform.idf, Numbers("sig_idf", *idf));
  }
  const char* key = nullptr;
  ELDR_RETURN_IF_ERROR(ReadCentroids(object, key, profile.centroids));
  if (const absl::Status status = ValidateProfile(profile); !status.ok()) {
    absl::string_view message = status.message();
    if (!absl::ConsumePrefix(&message, "centroids")) return status;
    return Invalid(key, message);
  }

  Json others = object;
  for (const char* own : kOwnKeys) others.erase(own);
  if (!others.empty()) profile.other_keys = others.dump();
  return profile;
}

Json ToList(absl::Span<const float> numbers) {
  return Json(std::vector<float>(numbers.begin(), numbers.end()));
}

}  // namespace

absl::StatusOr<Profile> ParseProfile(absl::string_view json) {
  // Copying and printing values recurses, so what nests is bounded while it is parsed.
  constexpr int kMaxDepth = 64;
  bool too_deep = false;
  const auto keep = [&too_deep](int depth, Json::parse_event_t, const Json&) {
    if (depth > kMaxDepth) too_deep = true;
    return depth <= kMaxDepth;
  };
  try {
    const Json document = Json::parse(json.begin(), json.end(), keep);
    if (too_deep) return Invalid("profile: nested deeper than ", kMaxDepth, " levels");
    return FromJson(document);
  } catch (const Json::exception& error) {
    // It quotes the last token, which may be the whole file; the place comes first.
    const absl::string_view what(error.what());
    return Invalid("profile: ", absl::CHexEscape(what.substr(0, 160)));
  }
}

std::string FormatProfile(const Profile& profile) {
  const SignatureTransform& transform = profile.transform;
  Json object = Json::object();
  object["L"] = transform.layers;
  object["e"] = transform.experts;
  object["variant"] = std::string(Name(transform.variant));
  object["k"] = profile.centroids.size();
  object["layer_mask"] = transform.layer_mask;
  object["sig_dtype"] = transform.variant == SignatureVariant::kGateProbAll ? "<f4" : "<i2";
  if (!profile.other_keys.empty()) {
    const Json others = Json::parse(profile.other_keys, nullptr, false);
    for (const auto& [key, value] : others.items()) {
      if (!object.contains(key)) object[key] = value;
    }
  }
  if (!transform.idf.empty()) object["sig_idf"] = ToList(transform.idf);
  Json& centroids = object["centroids"] = Json::array();
  for (std::size_t i = 0; i < profile.centroids.size(); ++i) {
    centroids.push_back(ToList(profile.centroids[i]));
  }
  return object.dump() + "\n";
}

absl::StatusOr<Profile> ReadProfile(const std::string& path) {
  ELDR_ASSIGN_OR_RETURN(const std::string text, ReadContents(path));
  absl::StatusOr<Profile> profile = ParseProfile(text);
  if (profile.ok()) return profile;
  return absl::Status(profile.status().code(),
                      absl::StrCat(path, ": ", profile.status().message()));
}

absl::Status WriteProfile(const Profile& profile, const std::string& path, FileSystem& files) {
  return ReplaceFile(files, path, FormatProfile(profile));
}

}  // namespace eldr
