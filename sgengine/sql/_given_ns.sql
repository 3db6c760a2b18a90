-- scalar macro: _given_ns
-- doc: The T that the connection was opened with, for every group. A macro of its own, so that no macro
--   with a parameter reads measured_settings, whose columns are named like parameters.
-- returns: BIGINT  Nanoseconds; NULL if none was given.
CREATE OR REPLACE MACRO _given_ns() AS (SELECT m.duration_ns FROM measured_settings AS m);
