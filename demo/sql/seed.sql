-- About 460,000 rows, all from generate_series and arithmetic: the same shop at every start, in a few seconds.
INSERT INTO categories
SELECT n, 'category-' || n,
  (ARRAY['Tents', 'Boots', 'Stoves', 'Ropes', 'Lamps', 'Maps', 'Packs', 'Skis', 'Knives', 'Bottles'])[1 + n % 10] || ' ' || n
FROM generate_series(1, 8) n;

INSERT INTO products
SELECT n, 1 + n % 8,
  (ARRAY['Light', 'Warm', 'Tough', 'Small', 'Bright', 'Old', 'Quick'])[1 + n % 7] || ' item ' || n,
  repeat('Made to last through weather and years. ', 3),
  500 + (n * 7919) % 20000,
  (n * 31) % 200
FROM generate_series(1, 10000) n;

INSERT INTO customers
SELECT n, 'Customer ' || n, 'customer' || n || '@mail.example',
  (ARRAY['Oslo', 'Bergen', 'Narvik', 'Bodo', 'Alta'])[1 + n % 5],
  now() - make_interval(days => 1 + n % 900)
FROM generate_series(1, 20000) n;

-- The order's number scatters its customer: rows of one customer lie all over the table.
INSERT INTO orders (id, customer_id, status, total_cents, address, created_at)
SELECT n, 1 + (n::bigint * 48271) % 20000,
  (ARRAY['delivered', 'delivered', 'delivered', 'delivered', 'shipped', 'paid', 'open', 'returned'])[1 + n % 8],
  1000 + (n * 131) % 30000,
  (n % 400) || ' Harbour Street, ' || (1000 + n % 9000) || ' Northtown',
  now() - make_interval(mins => 2 * (200000 - n))
FROM generate_series(1, 200000) n;
SELECT setval(pg_get_serial_sequence('orders', 'id'), 200000);

INSERT INTO order_items
SELECT o, line, 1 + (o::bigint * 7919 + line * 104729) % 10000, 1 + o % 3, 500 + (o * 17) % 15000
FROM generate_series(1, 200000) o, generate_series(1, 1 + o % 2) line
WHERE o > 66000 OR line = 1;

INSERT INTO reviews
SELECT n, 1 + (n::bigint * 9973) % 10000, 1 + n % 5, 'Review ' || n || ': as good as it gets.'
FROM generate_series(1, 30000) n;
