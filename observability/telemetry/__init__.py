"""The portal's eye on itself: own metrics, health, logs.

Importing this package makes prometheus_client keep the values of every metric in files of this
process (see `own_values`). That must be settled before the first metric is made, and Django
imports this package before any application, for LOGGING_CONFIG.
"""

from observability.telemetry.own_values import use_own_values

use_own_values()
