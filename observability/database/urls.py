"""The URLs of database insight."""

from observability.access.pages import admin_page
from observability.database.pages import state_page

urlpatterns = [
    admin_page("database/", state_page, name="database-state", permission="database.view_insight"),
]
