"""The URLs of the pool."""

from observability.access.pages import admin_page
from pool.pages import hosts_page

urlpatterns = [
    admin_page("pool/hosts/", hosts_page, name="hosts", permission="metrics.view_series"),
]
