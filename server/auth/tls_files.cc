#include "server/auth/tls_files.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace eldr {
namespace {

absl::StatusOr<std::shared_ptr<const TlsFiles::Loaded>> Load(const TlsConfig& config) {
  auto loaded = std::make_shared<TlsFiles::Loaded>();
  ELDR_ASSIGN_OR_RETURN(loaded->material, ReadTlsFiles(config));
  ELDR_ASSIGN_OR_RETURN(loaded->context, MakeServerContext(loaded->material));
  return loaded;
}

bool Same(const TlsMaterial& a, const TlsMaterial& b) {
  return a.certificate == b.certificate && a.key == b.key && a.client_ca == b.client_ca;
}

}  // namespace

TlsFiles::TlsFiles(const TlsConfig& config, const Clock& clock, prometheus::Registry& registry)
    : config_(config),
      clock_(clock),
      expiry_(prometheus::BuildGauge()
                  .Name("eldr_tls_certificate_expiry_timestamp_seconds")
                  .Help("When the first certificate of the file ends, in seconds since 1970.")
                  .Register(registry)) {}

absl::StatusOr<std::unique_ptr<TlsFiles>> TlsFiles::Open(const TlsConfig& config,
                                                         const Clock& clock,
                                                         prometheus::Registry& registry) {
  std::unique_ptr<TlsFiles> self(new TlsFiles(config, clock, registry));
  ELDR_RETURN_IF_ERROR(self->Reload().status());
  return self;
}

std::shared_ptr<const TlsFiles::Loaded> TlsFiles::current() const {
  MutexLock lock(mutex_);
  return current_;
}

absl::StatusOr<bool> TlsFiles::Reload() {
  absl::StatusOr<std::shared_ptr<const Loaded>> loaded = Load(config_);
  if (!loaded.ok()) return loaded.status();
  MutexLock lock(mutex_);
  if (current_ != nullptr && Same(current_->material, (*loaded)->material)) return false;
  current_ = *std::move(loaded);
  SetGauges(current_->material);
  return true;
}

void TlsFiles::SetGauges(const TlsMaterial& material) {
  const auto set = [&](absl::string_view key, const char* label) {
    absl::Time first = absl::InfiniteFuture();
    for (const CertificateTerm& term : material.terms) {
      if (term.key == key) first = std::min(first, term.end);
    }
    if (first == absl::InfiniteFuture()) return;
    expiry_.Add({{"file", label}}).Set(static_cast<double>(absl::ToUnixSeconds(first)));
  };
  set("tls.certificate", "certificate");
  set("tls.client_ca", "client_ca");
}

void TlsFiles::WarnOfTerms(Log& log, bool again) {
  const absl::Time now = clock_.Wall();
  MutexLock lock(mutex_);
  std::set<std::string> bad;
  for (const CertificateTerm& term : current_->material.terms) {
    if (term.start <= now && now < term.end) continue;
    const bool early = now < term.start;
    const absl::Time when = early ? term.start : term.end;
    std::string what =
        absl::StrCat(term.file, "\n", term.subject, "\n", early, absl::FormatTime(when));
    if (again || !warned_.contains(what)) {
      log.Warning("certificate_not_valid",
                  {{"key", term.key},
                   {"file", term.file},
                   {"subject", term.subject},
                   {"cause", early ? "not yet valid" : "expired"},
                   {early ? "valid_from" : "valid_until",
                    absl::FormatTime(absl::RFC3339_sec, when, absl::UTCTimeZone())}});
    }
    bad.insert(std::move(what));
  }
  warned_ = std::move(bad);
}

}  // namespace eldr
