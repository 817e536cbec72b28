// What the views say in words. Pure functions of what the daemon answers.
import {count, duration, percent, plural} from '../kit/format.js';

const ORDER = ['critical', 'warning', 'note', 'ok'];
const SECONDS_KEPT = 3600;

// Findings by severity; one that this page does not know comes first.
export function sortFindings(findings) {
  const rank = (one) => ORDER.indexOf(one.severity);
  return [...findings].sort((a, b) => rank(a) - rank(b));
}

// What needs somebody, the worst first.
export const troubles = (findings) => sortFindings(findings).filter((one) => one.severity === 'critical' || one.severity === 'warning');

export function healthSentence(findings) {
  const bad = troubles(findings);
  if (!findings.length) return 'Reading…';
  if (!bad.length) return `Nothing needs you. ${plural(findings.length, 'check')} in order.`;
  return `${plural(bad.length, 'thing needs', 'things need')} you.`;
}

// Whether it helps.
export function gainSentence(gain) {
  if (!gain) return 'Reading…';
  const experts = gain.marginal_experts, step = gain.step_time;
  const span = gain.window_seconds >= SECONDS_KEPT * 0.95 ? 'the last hour' : `the last ${duration(gain.window_seconds)}`;
  if (!experts || experts.change_ratio === null || experts.change_ratio === undefined) {
    return `No placement of ${span} was compared with its other candidates: a policy that does not evaluate experts has nothing to show here.`;
  }
  const less = experts.change_ratio <= 0 ? 'fewer' : 'more';
  const faster = step && step.change_ratio !== null && step.change_ratio !== undefined
    ? `. By estimate that makes a decode step ${percent(Math.abs(step.change_ratio))} ${step.change_ratio <= 0 ? 'shorter' : 'longer'} for each request in it` : '';
  return `Over ${span}, ${plural(experts.placements, 'request')} added ${percent(Math.abs(experts.change_ratio))} ${less} experts to their nodes’ steps than they would have on the average candidate${faster}.`;
}

// How many placements knew what they placed.
export function qualitySentence(hour) {
  if (!hour || !hour.placements) return 'Nothing was placed in the last hour.';
  const told = hour.placements - hour.missing;
  if (hour.missing === 0) return `All ${plural(hour.placements, 'placement')} of the last hour knew the experts of the request.`;
  return `${count(hour.missing)} of ${plural(hour.placements, 'placement')} in the last hour (${percent(hour.missing / hour.placements)}) went without a signature; ${count(told)} knew the experts of the request, ${count(hour.partial)} of them in part.`;
}
