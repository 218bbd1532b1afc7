// Months of the calendar, the period of the plans.

/**
 * Number of the month that holds a moment, 1 for January 1970. Counts from March, so that the leap
 * day is the last of its year (proleptic Gregorian calendar).
 * @param seconds since 1970-01-01 UTC
 */
export function monthOf(seconds: u32): u32 {
  // Days since 0000-03-01.
  const days = seconds / 86400 + 719468;
  const era = days / 146097;
  const dayOfEra = days - era * 146097;
  const yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365;
  const dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
  const month = (5 * dayOfYear + 2) / 153; // 0 is March
  return (era * 400 + yearOfEra) * 12 + month + 2 - 1970 * 12 + 1;
}
