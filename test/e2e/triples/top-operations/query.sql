SELECT service, operation, requests, cost
FROM client_top_operations(client_id = 't-top', first_day = '2026-10-11', last_day = '2026-10-13')
